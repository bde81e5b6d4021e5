"""Distances of features against sums over pairs, written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import log_loss

from deeplearn.losses.alignment import (
    BANDWIDTHS,
    coral,
    coral_with_means,
    covariance,
    domain_entropy,
    multi_kernel_mmd,
    ramp,
)


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return rng.normal(size=(7, 3)).astype(np.float32), rng.normal(0.5, 2, (5, 3)).astype(np.float32)


def test_the_covariance_is_numpy_s(features):
    np.testing.assert_allclose(covariance(features[0]), np.cov(features[0], rowvar=False), rtol=1e-5)


def test_coral_in_both_forms(features):
    source, target = features
    gap = np.cov(source, rowvar=False) - np.cov(target, rowvar=False)
    np.testing.assert_allclose(coral(source, target), np.sum(gap**2) / (4 * 3**2), rtol=1e-5)
    means = np.mean((source.mean(0) - target.mean(0)) ** 2)
    np.testing.assert_allclose(coral_with_means(source, target), np.mean(gap**2) + means, rtol=1e-5)
    shifted = source + np.float32(3)
    assert float(coral(source, shifted)) < 1e-9 and float(coral_with_means(source, shifted)) == pytest.approx(9)


def test_the_discrepancy_is_the_sum_over_all_pairs_and_kernels(features):
    source, target = features
    both = np.concatenate(features).astype(np.float64)
    scale = np.mean([np.sum((x - y) ** 2) for i, x in enumerate(both) for j, y in enumerate(both) if i != j])

    def mean(one, other):
        pairs = [np.sum((x - y) ** 2) for x in one.astype(np.float64) for y in other.astype(np.float64)]
        return sum(np.mean(np.exp(-np.array(pairs) / (b * scale))) for b in BANDWIDTHS)

    expected = mean(source, source) + mean(target, target) - 2 * mean(source, target)
    np.testing.assert_allclose(multi_kernel_mmd(source, target), expected, rtol=1e-4)


def test_equal_rows_have_no_distance_and_finite_gradients(features):
    same = jnp.ones((4, 3))
    for distance in (coral, coral_with_means, multi_kernel_mmd):
        assert abs(float(distance(features[0], features[0]))) < 1e-6
        value, gradient = jax.value_and_grad(distance)(same, same)
        assert float(value) == pytest.approx(0, abs=1e-6) and np.isfinite(gradient).all()
        with pytest.raises(AssertionError):
            distance(same[:1], same)


def test_the_domains_entropy_is_scikit_learn_s(features):
    source, target = features[0][:, 0], features[1][:, 0]
    probability = 1 / (1 + np.exp(-np.concatenate([source, target]).astype(np.float64)))
    domain = np.repeat([0, 1], [len(source), len(target)])
    loss, metrics = domain_entropy(source, target)
    np.testing.assert_allclose(loss, log_loss(domain, probability), rtol=1e-5)
    assert float(metrics["domain_accuracy"]) == pytest.approx(np.mean((probability > 0.5) == domain))


def test_the_strength_starts_at_nothing_and_ends_at_one():
    np.testing.assert_allclose([ramp(0.0), ramp(0.1), ramp(1.0)], [0, 2 / (1 + np.exp(-1)) - 1, 0.9999], atol=1e-5)
