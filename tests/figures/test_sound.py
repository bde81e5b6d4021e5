"""The picture of what is heard over time."""

import numpy as np

from deeplearn.figures.sound import posteriors


def test_what_is_loud_and_what_is_probable_can_be_seen():
    sound, chances = np.zeros((100, 4)), np.full((25, 3), 0.0)
    chances[:, 0] = 1
    still = np.asarray(posteriors(sound, chances, ("<pad>", "$a$", "b"), "nothing"))
    chances[10:14] = [0, 1, 0]
    heard = np.asarray(posteriors(sound, chances, ("<pad>", "$a$", "b"), "nothing"))
    changed = (still != heard).any(2).sum(0)
    third = len(changed) // 3
    assert changed[third:-third].sum() > 2 * changed[:third].sum() > 0  # its line is all over, its peak there
    sound[50:] = 1
    louder = np.asarray(posteriors(sound, chances, ("<pad>", "$a$", "b"), "nothing"))
    columns = np.flatnonzero((louder != heard).any((0, 2))) / still.shape[1]
    assert columns.max() > 0.9
    rows = np.flatnonzero((louder != heard).any((1, 2))) / still.shape[0]
    assert rows.max() < 0.6  # frames stand above
