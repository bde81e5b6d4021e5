"""Frames have the colours of what is right, and pictures lie at their points."""

import numpy as np

from deeplearn.figures.grid import image_grid
from deeplearn.figures.retrieved import MAP_PICTURE, MAP_SIDE, RIGHT, WRONG, framed, picture_map, retrieved

RNG = np.random.default_rng(0)


def colour(rgb):
    return np.rint(255 * np.array(rgb)).astype(int)


def test_a_frame_is_around_the_picture():
    images, colours = RNG.random((2, 3, 4, 5, 1)).astype(np.float32), RNG.random((2, 3, 3))
    found = framed(images, colours, 2)
    assert found.shape == (2, 3, 8, 9, 3)
    np.testing.assert_array_equal(found[..., 2:6, 2:7, :], np.broadcast_to(images, (2, 3, 4, 5, 3)))
    np.testing.assert_allclose(found[..., 0, :, :], np.broadcast_to(colours[:, :, None], (2, 3, 9, 3)), atol=1e-6)
    np.testing.assert_allclose(found[..., 7, 8, :], colours, atol=1e-6)
    assert framed(RNG.random((2, 4, 5, 6)), np.zeros((2, 3)), 1).shape == (2, 6, 7, 3)  # the first three channels


def test_what_is_right_is_green_and_what_is_wrong_red():
    queries, nearest = np.zeros((2, 8, 8, 3)), np.ones((2, 3, 8, 8, 3))
    right = np.array([[True, False, True], [False, False, True]])
    sheet = np.asarray(retrieved(queries, nearest, right)).astype(int)
    tile = (sheet.shape[1] - 4) // 4
    for row, column in np.ndindex(2, 3):
        pixel = sheet[4 + row * tile, 4 + (column + 1) * tile]
        np.testing.assert_array_equal(pixel, colour(RIGHT if right[row, column] else WRONG))
    assert retrieved(queries, nearest, right).size == image_grid(np.zeros((2, 4, 10, 10, 3))).size


def test_pictures_lie_at_their_points():
    images = np.stack([np.zeros((8, 8, 1)), np.full((8, 8, 1), 0.5)])
    found = np.asarray(picture_map(np.array([[0.0, 0.0], [2.0, 5.0]]), images))
    half = MAP_PICTURE // 2
    assert found[MAP_SIDE - half, half].tolist() == [0, 0, 0]  # y grows upwards
    assert found[half, MAP_SIDE - half].tolist() == [128, 128, 128]
    assert found[half, half].tolist() == [255, 255, 255]
    assert picture_map(np.zeros((2, 2)), images).size == (MAP_SIDE, MAP_SIDE)  # one point alone
