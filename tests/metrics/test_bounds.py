"""Bounds on the likelihood, where a linear Gaussian model says what it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from deeplearn.losses.elbo import gaussian_log_density
from deeplearn.metrics import bounds


@pytest.fixture(name="model")
def linear_gaussian():
    """z ~ N(0, I) in two dimensions, x|z ~ N(Wz, s² I) in three: p(x) and p(z|x) are known."""
    weight = np.array([[1.0, 0.5], [-0.3, 1.2], [0.7, 0.0]])
    noise = 0.6
    x = np.array([0.9, -1.1, 0.4])
    evidence = scipy.stats.multivariate_normal(np.zeros(3), weight @ weight.T + noise**2 * np.eye(3)).logpdf(x)
    posterior_covariance = np.linalg.inv(np.eye(2) + weight.T @ weight / noise**2)
    posterior_mean = posterior_covariance @ weight.T @ x / noise**2
    return weight, noise, x, evidence, posterior_mean, posterior_covariance


def log_weights(key, model, samples):
    """log p(x, z) − log q(z|x) for z from a mean-field q: the posterior's mean, twice its variance."""
    weight, noise, x, _, mean, covariance = model
    log_variance = jnp.log(2 * jnp.diag(covariance))
    z = mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, (*samples, 2))
    return (
        gaussian_log_density(x, z @ weight.T, 2 * jnp.log(noise))
        + gaussian_log_density(z, 0.0, 0.0)
        - gaussian_log_density(z, mean, log_variance)
    )


def test_importance_weighted_bound_tightens_to_the_evidence(model):
    evidence = model[3]

    @jax.jit
    def all_three(key):
        weights = log_weights(key, model, (1000, 300))
        return [bounds.importance_weighted_bound(weights[:k]).mean() for k in (1, 5, 1000)]

    loose, tighter, tight = all_three(jax.random.key(0))
    assert loose + 0.1 < tighter < evidence - 0.03  # in expectation by theorem 1
    assert tight == pytest.approx(evidence, abs=0.005)


def test_importance_weighted_bound_of_the_true_posterior_is_exact():
    # One dimension, p(x|z) = N(z, 1): the posterior is N(x/2, 1/2) and every weight equals p(x).
    x, z = 1.3, jnp.linspace(-3, 3, 7)[:, None]
    density = gaussian_log_density
    weights = density(x, z, 0.0) + density(z, 0.0, 0.0) - density(z, x / 2, jnp.log(0.5))
    expected = scipy.stats.norm(0, np.sqrt(2)).logpdf(x)
    assert float(bounds.importance_weighted_bound(weights)) == pytest.approx(expected, rel=1e-5)


def test_importance_weighted_bound_keeps_to_its_axis_and_does_not_underflow():
    weights = jnp.array([[-2000.0, 0.0], [-2000.0, jnp.log(3.0)], [-2000.0, jnp.log(5.0)]])
    across = bounds.importance_weighted_bound(weights, axis=1)
    np.testing.assert_allclose(bounds.importance_weighted_bound(weights), [-2000, np.log(3)], rtol=1e-6)
    np.testing.assert_allclose(across, np.log([0.5, 1.5, 2.5]), rtol=1e-6)


def test_active_units_counts_latents_that_vary_with_the_input():
    generator = np.random.default_rng(0)
    stds = np.array([1.0, 0.102, 0.098, 0.0])  # variances 1, .0104, .0096, 0
    means = 5 + stds * scipy.stats.zscore(generator.normal(size=(500, 4)))
    assert bounds.active_units(means) == 2
    assert bounds.active_units(means, threshold=0.005) == 3


def test_bits_per_dim_of_uniform_noise_is_the_bits_of_a_level():
    # 256 equally likely levels, as probabilities, as a density on [0, 1] and as one on [−1, 1]
    assert bounds.bits_per_dim(12 * np.log(256), 12) == pytest.approx(8)
    assert bounds.bits_per_dim(0.0, 12, bin_width=1 / 256) == pytest.approx(8)
    assert bounds.bits_per_dim(12 * np.log(2), 12, bin_width=2 / 256) == pytest.approx(8)
