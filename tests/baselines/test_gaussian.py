"""Draws of a fitted Gaussian, against the moments of the data."""

import numpy as np
import scipy.stats

from deeplearn.baselines.gaussian import gaussian_draws


def test_draws_have_the_data_s_mean_and_covariance_and_are_gaussian():
    rng = np.random.default_rng(1)
    x = rng.exponential(size=(500, 6)) @ rng.normal(size=(6, 6)) + np.arange(6)
    x[:, 2] = 3  # a pixel that never changes
    draws = gaussian_draws(x.reshape(500, 2, 3), 20_000)
    assert draws.shape == (20_000, 2, 3) and draws.dtype == np.float32
    flat, spread = draws.reshape(-1, 6), x.std(0).max()
    np.testing.assert_allclose(flat.mean(0), x.mean(0), atol=0.05 * spread)
    np.testing.assert_allclose(np.cov(flat.T), np.cov(x.T), atol=0.05 * spread**2)
    np.testing.assert_allclose(flat[:, 2], 3, atol=1e-3)
    assert scipy.stats.kstest(scipy.stats.zscore(flat[:, 0]), "norm").pvalue > 1e-3


def test_the_seed_alone_decides():
    x = np.random.default_rng(0).normal(size=(20, 3))
    np.testing.assert_array_equal(gaussian_draws(x, 4), gaussian_draws(x, 4))
    assert not np.allclose(gaussian_draws(x, 4), gaussian_draws(x, 4, seed=1))
