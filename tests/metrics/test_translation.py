"""Maps that move with their image, and maps that do not."""

import numpy as np
import pytest

from deeplearn.metrics.translation import equivariance_error, unchanged

IMAGES = np.random.default_rng(0).uniform(size=(3, 6, 6, 1)).astype(np.float32)


def edge_in_black(images):
    """Each pixel less its neighbour below; below the last row it is black."""
    return images - np.pad(images[:, 1:], ((0, 0), (0, 1), (0, 0), (0, 0)))


def test_pixel_by_pixel_is_equivariant_and_black_edges_are_not():
    assert equivariance_error(np.square, IMAGES) == 0
    assert equivariance_error(lambda x: x - np.roll(x, 2, 1), IMAGES) == 0
    # What went out at one edge and came in at the other: a last row's neighbour is black before, a pixel after.
    expected = max(IMAGES[:, 0].max(), IMAGES[:, -1].max())
    assert 0.5 < equivariance_error(edge_in_black, IMAGES) <= expected


def test_a_place_s_own_weight_is_an_error_of_its_size():
    weight = np.zeros((1, 6, 6, 1))
    weight[0, 2, 3] = 5
    assert equivariance_error(lambda x: x + weight, IMAGES) == pytest.approx(5)


def test_the_sum_of_a_map_is_unchanged_and_single_pixels_are_not():
    assert unchanged(lambda x: x.astype(np.float64).sum((1, 2)), IMAGES) == 1
    assert unchanged(lambda x: x, IMAGES) == 0


@pytest.mark.parametrize("measure", [equivariance_error, unchanged])
def test_the_moves_are_those_to_the_eight_neighbours(measure):
    image, seen = np.zeros((1, 7, 7, 1)), []
    image[0, 3, 3] = 1
    measure(lambda x: seen.append(divmod(int(x.argmax()), 7)) or x, image)
    assert sorted(seen) == [(i, j) for i in (2, 3, 4) for j in (2, 3, 4)]


def test_only_active_outputs_count():
    """One bright pixel: under all eight moves two outputs are active, before or after, and both change."""
    image = np.zeros((1, 5, 5, 1))
    image[0, 2, 2] = 1
    assert unchanged(lambda x: x, image) == 0
    # Beside it an output that is always on: of three active ones a third stays.
    assert unchanged(lambda x: np.append(x.ravel(), 1.0), image) == pytest.approx(1 / 3)
