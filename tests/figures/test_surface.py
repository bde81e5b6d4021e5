"""Paths over contours: the picture holds every path, whose colour is found where the path lies."""

import numpy as np

from deeplearn.figures.style import PALETTE
from deeplearn.figures.surface import paths_on_surface


def fraction_of_colour(picture, colour):
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return (np.abs(np.asarray(picture, int) - rgb).max(-1) < 12).mean()


def test_each_path_is_drawn_in_its_own_colour():
    paths = {"a": np.array([[0.0, 0.0], [1.0, 0.5], [2.0, 1.0]]), "b": np.array([[0.0, 0.0], [0.5, 2.0]])}
    picture = paths_on_surface(lambda w: (w**2).sum(-1), paths, np.zeros(2), "x", "y", "title")
    assert picture.mode == "RGB"
    assert all(fraction_of_colour(picture, PALETTE[index]) > 5e-4 for index in range(2))
    alone = paths_on_surface(lambda w: (w**2).sum(-1), {"a": paths["a"]}, np.zeros(2))
    assert fraction_of_colour(alone, PALETTE[1]) == 0
