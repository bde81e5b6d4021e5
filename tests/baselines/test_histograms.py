"""Histograms of grey levels where the entropy is known."""

import numpy as np
import pytest

from deeplearn.baselines.histograms import colour_histograms, independent_levels, level_histograms
from deeplearn.data import Arrays, Dataset
from deeplearn.metrics.bounds import bits_per_dim


def test_bits_per_dimension_of_a_known_categorical():
    """Levels 0, 1, 2 with probabilities 1/2, 1/4, 1/4 in one pixel and 1, 0, 0 in the other: 1.5 and 0 bits."""
    levels = np.random.default_rng(0).choice(3, p=[0.5, 0.25, 0.25], size=40_000)
    images = np.stack([levels / 2, np.zeros(40_000)], -1)
    nll, _ = independent_levels(images[:20_000], images[:100], images[20_000:], 3)
    assert bits_per_dim(nll, 2) == pytest.approx(0.75, abs=0.003)


def test_a_level_that_training_never_saw_costs_what_was_added_to_the_counts():
    train, unseen = np.zeros((10, 1)), np.ones((10, 1))
    # On validation images like these the largest count is the best: (1 + 0) / (3 + 10).
    assert independent_levels(train, unseen, unseen, 3) == (pytest.approx(np.log(13)), 1.0)
    assert independent_levels(train, train, unseen, 3) == (pytest.approx(-np.log(0.03 / 10.09)), 0.03)


def test_the_row_says_what_was_chosen():
    image = np.random.default_rng(0).integers(5, size=(90, 2, 3, 1)) / np.float32(4)
    splits = [image[:30], image[30:60], image[60:]]
    (row,) = level_histograms(Dataset("noise", *(Arrays({"image": x}) for x in splits)), 5).values()
    nll, pseudo_count = independent_levels(*splits, 5)
    assert row().metrics == {"nll": nll, "bits_per_dim": bits_per_dim(nll, 6), "pseudo_count": pseudo_count}


def test_a_histogram_of_colours_is_numpy_s():
    image = np.random.default_rng(0).uniform(size=(2, 5, 7, 3)).astype(np.float32)
    for row, found in zip(image, colour_histograms(image), strict=True):
        counts = np.histogramdd(row.reshape(-1, 3), bins=6, range=[(0, 1)] * 3)[0]
        np.testing.assert_allclose(np.sort(found**2), np.sort(counts.ravel() / 35), atol=1e-6)
    grey = np.array([0, 0.5, 1, 1], np.float32).reshape(1, 2, 2, 1)
    found = colour_histograms(grey)[0]
    assert np.flatnonzero(found).tolist() == [0, 16, 31]
    np.testing.assert_allclose(found[[0, 16, 31]] ** 2, [0.25, 0.25, 0.5], rtol=1e-6)


def test_of_other_numbers_of_channels_each_has_its_own_histogram():
    image = np.random.default_rng(0).uniform(size=(1, 4, 4, 5)).astype(np.float32)
    parts = colour_histograms(image).reshape(5, 32)
    for channel in range(5):
        alone = colour_histograms(image[..., channel : channel + 1])[0]
        np.testing.assert_allclose(parts[channel], alone / np.sqrt(5), atol=1e-6)


def test_colours_moved_about_are_the_same_histogram():
    rng = np.random.default_rng(0)
    image = rng.uniform(size=(1, 6, 6, 3)).astype(np.float32)
    moved = rng.permutation(image.reshape(36, 3)).reshape(image.shape)
    np.testing.assert_array_equal(colour_histograms(image), colour_histograms(moved))
