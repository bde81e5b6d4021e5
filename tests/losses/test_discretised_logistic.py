"""The discretised logistic likelihood against differences of SciPy's distribution function."""

import jax
import numpy as np
import pytest
from scipy.stats import logistic

from deeplearn.losses.discretised_logistic import (
    discretised_logistic_log_likelihood,
    discretised_logistic_probabilities,
)


def parameters(components, seed=0):
    generator = np.random.default_rng(seed)
    shape = (5, components)
    logits, means = generator.normal(size=shape), generator.uniform(-0.2, 1.2, size=shape)
    return [a.astype(np.float32) for a in (logits, means, generator.uniform(-3.5, 0, size=shape))]


def expected(logits, means, log_scales, levels):
    """[5, levels]"""
    edges = np.concatenate([[-np.inf], (np.arange(levels - 1) + 0.5) / (levels - 1), [np.inf]])
    below = logistic.cdf(
        edges, means[..., None].astype(np.float64), np.exp(log_scales.astype(np.float64))[..., None]
    )
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return (weights[..., None] * np.diff(below, axis=-1)).sum(1)


@pytest.mark.parametrize("components", [1, 3])
@pytest.mark.parametrize("levels", [2, 17, 256])
def test_each_level_has_the_logistic_mass_of_its_interval(components, levels):
    given = parameters(components)
    chance = expected(*given, levels)
    np.testing.assert_allclose(discretised_logistic_probabilities(*given, levels), chance, atol=2e-6)
    log_likelihood = jax.jit(discretised_logistic_log_likelihood, static_argnums=4)
    for level in range(levels):
        x = np.full((5, 1), level / (levels - 1), np.float32)  # five images of one pixel each
        found = log_likelihood(x, *(a[:, None] for a in given), levels)
        np.testing.assert_allclose(found, np.log(chance[:, level]), rtol=2e-4, atol=1e-4)


def test_pixels_add_up():
    given, levels = parameters(2), 17
    index = np.array([0, 3, 16, 8, 1])
    found = discretised_logistic_log_likelihood((index / 16).astype(np.float32), *given, levels)
    assert float(found) == pytest.approx(np.log(expected(*given, levels)[np.arange(5), index]).sum(), rel=1e-5)


def test_far_from_the_mean_the_tail_is_exact_and_its_slope_finite():
    """Where the two values of the distribution function are equal in float32."""
    x, mean, log_scale = (np.array([value], np.float32) for value in (0.5, 3.0, -3.0))
    zeros = np.zeros((1, 1), np.float32)
    found, slope = jax.value_and_grad(
        lambda m: discretised_logistic_log_likelihood(x, zeros, m[:, None], log_scale[:, None], 17)
    )(mean)
    scale = np.exp(-3.0)
    upper, lower = logistic.logcdf([(0.5 + 1 / 32 - 3) / scale, (0.5 - 1 / 32 - 3) / scale])
    assert float(found) == pytest.approx(upper + np.log1p(-np.exp(lower - upper)), rel=1e-5)
    assert float(slope[0]) == pytest.approx(-1 / scale, rel=1e-3)
