"""The nearest of all pictures, by plain loops."""

import numpy as np

from deeplearn.metrics.identity import identity, nearest_pictures


def test_the_nearest_picture_and_what_it_has():
    rng = np.random.default_rng(0)
    pictures = rng.uniform(size=(9, 3, 2, 3)).astype(np.float32)
    truth = np.array([4, 0, 7, 2])
    made = pictures[truth] + 0.05 * rng.normal(size=(4, 3, 2, 3)).astype(np.float32)
    made[3] = pictures[5]  # wrong
    for one, found in zip(made, nearest_pictures(made, pictures), strict=True):
        assert found == np.argmin([np.square(one - picture).sum() for picture in pictures])
    classes = np.array([0, 1, 2, 3, 4, 5, 6, 4, 8])  # the pictures 4 and 7 are the same
    tone = np.arange(9) % 3
    right = identity(made, pictures, classes, classes[[7, 0, 7, 2]], {"tone": (tone, tone[truth])})
    assert right["identity"].tolist() == [True, True, True, False]
    assert right["tone"].tolist() == [True, True, True, True]
