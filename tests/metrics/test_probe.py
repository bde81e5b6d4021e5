"""The linear probe on scikit-learn's digits, where its number is known."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from deeplearn.metrics.probe import linear_probe


@pytest.fixture(name="digits", scope="module")
def split_digits():
    x, y = load_digits(return_X_y=True)
    return train_test_split(x / 16, y, train_size=600, test_size=500, stratify=y, random_state=0)


def test_accuracy_of_raw_pixels(digits):
    train, test, train_labels, test_labels = digits
    assert 0.93 < linear_probe(train, train_labels, test, test_labels) < 0.98  # .968 from 1297 examples


def test_scale_and_offset_of_a_feature_do_not_matter(digits):
    train, test, train_labels, test_labels = digits
    scale = 10.0 ** np.random.default_rng(0).uniform(-4, 4, 64)
    plain = linear_probe(train, train_labels, test, test_labels)
    assert linear_probe(train * scale + 3, train_labels, test * scale + 3, test_labels) == pytest.approx(
        plain, abs=0.005
    )


def test_features_without_information_are_at_chance(digits):
    _, _, train_labels, test_labels = digits
    noise = np.random.default_rng(1).normal(size=(len(train_labels) + len(test_labels), 8))
    accuracy = linear_probe(noise[: len(train_labels)], train_labels, noise[len(train_labels) :], test_labels)
    assert accuracy == pytest.approx(0.1, abs=0.05)
