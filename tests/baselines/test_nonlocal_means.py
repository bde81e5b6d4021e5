"""Non-local means against four nested loops."""

import numpy as np
import pytest

from deeplearn.baselines import nonlocal_means as module
from deeplearn.baselines.nonlocal_means import nonlocal_means


def brute_force(image, strength, radius):
    height, width, _ = image.shape
    padded = np.pad(image, ((radius, radius), (radius, radius), (0, 0)), "reflect")
    result = np.zeros_like(image)
    for i in range(height):
        for j in range(width):
            here, total = padded[i : i + 2 * radius + 1, j : j + 2 * radius + 1], 0.0
            for k in range(height):
                for m in range(width):
                    there = padded[k : k + 2 * radius + 1, m : m + 2 * radius + 1]
                    weight = np.exp(-((here - there) ** 2).mean() / strength**2)
                    result[i, j] += weight * image[k, m]
                    total += weight
            result[i, j] /= total
    return result


@pytest.mark.parametrize(("radius", "channels"), [(1, 1), (2, 3)])
def test_it_is_the_weighted_mean_of_all_pixels(radius, channels):
    images = np.random.default_rng(0).uniform(size=(2, 5, 6, channels))
    expected = np.stack([brute_force(image, 0.4, radius) for image in images])
    np.testing.assert_allclose(nonlocal_means(images, 0.4, radius), expected, rtol=1e-9)


def test_the_smallest_strength_changes_nothing_and_the_largest_gives_the_mean():
    images = np.random.default_rng(1).uniform(size=(1, 4, 4, 1))
    np.testing.assert_allclose(nonlocal_means(images, 1e-3), images, rtol=1e-6)
    np.testing.assert_allclose(nonlocal_means(images, 1e4), images.mean(), rtol=1e-4)


def test_blocks_of_pixels_change_nothing(monkeypatch):
    images = np.random.default_rng(2).uniform(size=(1, 5, 6, 1))
    expected = nonlocal_means(images, 0.4)
    monkeypatch.setattr(module, "BLOCK", 7 * 30)
    np.testing.assert_allclose(nonlocal_means(images, 0.4), expected, rtol=1e-12)
