"""A map of words: each group in its colour, odd words as they are."""

import numpy as np

from deeplearn.figures.words import word_map


def colours(picture):
    return {tuple(one) for one in np.asarray(picture.convert("RGB")).reshape(-1, 3)}


def test_groups_have_colours_of_their_own():
    points = np.random.default_rng(0).normal(size=(4, 2))
    words = ["king", "$x_1$", "日本", ""]
    one, two = (word_map(points, words, groups) for groups in (["a"] * 4, ["a", "a", "b", "b"]))
    assert one.size == two.size
    assert len(colours(two)) > len(colours(one))
