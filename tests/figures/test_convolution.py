"""Pictures of what a convolution does."""

import numpy as np

from deeplearn.figures.contrast import stretched
from deeplearn.figures.convolution import equivariance, operation
from deeplearn.figures.grid import image_rows

RNG = np.random.default_rng(0)


def test_the_difference_is_black_where_the_map_moves_along_and_bright_where_it_does_not():
    moved = np.stack([np.roll(RNG.uniform(size=(6, 6)), shift, 1) for shift in range(4)])
    maps = np.stack([np.roll(moved[0] ** 2, shift, 1) for shift in range(4)])
    expected = {
        "moved image": moved,
        "its feature map": stretched(maps),
        "the first map, moved": stretched(maps),
        "difference": np.zeros_like(maps),
    }
    np.testing.assert_array_equal(equivariance(moved, maps), image_rows(expected, (6, 6, 1)))
    still = np.stack([maps[0]] * 4)
    assert np.asarray(equivariance(moved, still)).sum() != np.asarray(equivariance(moved, maps)).sum()


def test_filters_stand_in_the_middle_at_their_own_size_and_no_more_than_eight():
    image, kernel, maps = RNG.uniform(size=(9, 6)), RNG.normal(size=(3, 3, 12)), RNG.normal(size=(9, 6, 12))
    filters = np.full((8, 9, 6), 0.5)
    filters[:, 3:6, 2:5] = stretched(kernel.transpose(2, 0, 1)[:8])
    rows = {
        "image": np.stack([image] * 8),
        "filter": filters,
        "feature map": stretched(maps.transpose(2, 0, 1)[:8]),
    }
    np.testing.assert_array_equal(operation(image, kernel, maps), image_rows(rows, (9, 6, 1)))
