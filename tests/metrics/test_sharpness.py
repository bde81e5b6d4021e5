"""Sharpness beside scipy's filters."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, prewitt

from deeplearn.metrics.sharpness import sharpness


def test_it_is_the_energy_of_differences_over_the_others_and_falls_with_blur():
    images = np.random.default_rng(0).uniform(size=(4, 9, 7, 2))
    assert sharpness(images, images) == 1
    assert sharpness(3 * images + 1, images) == pytest.approx(9)
    assert sharpness(gaussian_filter(images, (0, 1, 1, 0)), images) < 0.2
    ramp = np.broadcast_to(np.arange(9.0)[:, None, None], (1, 9, 7, 1))
    slope = np.square(prewitt(ramp[0, :, :, 0], axis=0) / 6)[1:-1].mean()  # 1
    assert sharpness(ramp, 2 * ramp) == pytest.approx(slope / 4)
    across = ramp[:, :7].swapaxes(1, 2)
    assert sharpness(across, ramp) == sharpness(ramp, across) == 1


def test_beside_pictures_of_one_colour_all_others_are_infinitely_sharper():
    flat, images = np.full((2, 4, 4, 3), 0.5), np.random.default_rng(0).uniform(size=(2, 4, 4, 3))
    assert sharpness(flat, flat) == 1
    assert sharpness(images, flat) == np.inf
    assert sharpness(flat, images) == 0
