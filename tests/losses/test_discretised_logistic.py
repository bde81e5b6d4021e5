"""The discretised logistic likelihood against differences of SciPy's distribution function."""

import chex
import jax
import numpy as np
import pytest
from absl.testing import parameterized
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


class EachLevel(chex.TestCase):
    @chex.variants(with_jit=True, with_pmap=True)
    @parameterized.product(components=(1, 3), levels=(2, 17, 256))
    def test_it_has_the_logistic_mass_of_its_interval(self, components, levels):
        given = parameters(components)
        probability = expected(*given, levels)
        probabilities = self.variant(lambda *given: discretised_logistic_probabilities(*given, levels))
        np.testing.assert_allclose(probabilities(*given), probability, atol=2e-6)
        # All levels, each as five images of one pixel.
        x = np.broadcast_to(np.linspace(0, 1, levels, dtype=np.float32)[:, None, None], (levels, 5, 1))
        log_likelihood = self.variant(lambda *arguments: discretised_logistic_log_likelihood(*arguments, levels))
        found = log_likelihood(x, *(a[:, None] for a in given))
        np.testing.assert_allclose(found, np.log(probability.T), rtol=2e-4, atol=1e-4)


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
