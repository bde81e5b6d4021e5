"""Histograms of grey levels where the entropy is known."""

import numpy as np
import pytest

from deeplearn.baselines.histograms import independent_levels, level_histograms
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
