"""Draws and densities of a fitted Gaussian, against the moments of the data and against scikit-learn."""

import tracemalloc

import numpy as np
import pytest
import scipy.stats
from sklearn.mixture import GaussianMixture

from deeplearn.baselines.gaussian import gaussian_densities, gaussian_draws, gaussian_log_density
from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError


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


def test_fewer_rows_than_dimensions_have_the_same_moments():
    x = np.random.default_rng(0).normal(size=(5, 8)) + np.arange(8)
    draws = gaussian_draws(x, 50_000)
    np.testing.assert_allclose(draws.mean(0), x.mean(0), atol=0.05)
    np.testing.assert_allclose(np.cov(draws.T), np.cov(x.T), atol=0.08)
    assert np.linalg.matrix_rank(draws - x.mean(0), tol=1e-2) == 4  # no further than the data reach


def test_memory_is_that_of_the_data_and_not_of_a_covariance():
    """128 × 128 pixels in colour: a covariance would have 49,152² entries, 18 GiB."""
    x = np.random.default_rng(0).uniform(size=(20, 128, 128, 3)).astype(np.float32)
    tracemalloc.start()
    draws = gaussian_draws(x, 20)
    density = gaussian_log_density(x[:2].reshape(2, -1), x.reshape(20, -1), 0.1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert draws.shape == x.shape and np.isfinite(density).all()
    assert peak < 20 * x.nbytes


def test_the_seed_alone_decides():
    x = np.random.default_rng(0).normal(size=(20, 3))
    np.testing.assert_array_equal(gaussian_draws(x, 4), gaussian_draws(x, 4))
    assert not np.allclose(gaussian_draws(x, 4), gaussian_draws(x, 4, seed=1))


@pytest.mark.parametrize("rows", [200, 5])
def test_densities_are_those_of_scikit_learn(rows):
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(rows, 7)) @ rng.normal(size=(7, 7)), rng.normal(size=(30, 7))
    train[:, 3] = 1.0
    for full in (False, True):
        other = GaussianMixture(1, covariance_type="full" if full else "diag", reg_covar=0.3).fit(train)
        np.testing.assert_allclose(gaussian_log_density(test, train, 0.3, full), other.score_samples(test))


def test_rows_give_the_likelihood_of_test_images():
    image = np.random.default_rng(0).uniform(size=(60, 2, 2, 1)).astype(np.float32)
    train, test = Arrays({"image": image[:40]}), Arrays({"image": image[40:]})
    rows = gaussian_densities(Dataset("noise", train, test, test), 0.01)
    flat = image.reshape(60, 4)
    expected = -gaussian_log_density(flat[40:], flat[:40], 0.01).mean()
    assert rows["Gaussian, full"]().metrics == {"nll": pytest.approx(expected)}
    assert rows["Gaussian, diagonal"]().metrics["nll"] != pytest.approx(expected)


def test_a_covariance_of_many_pixels_is_left_out_and_draws_do_without_its_factor(monkeypatch):
    image = np.random.default_rng(0).uniform(size=(60, 2, 2, 1)).astype(np.float32)
    split = Arrays({"image": image})
    rows = gaussian_densities(Dataset("noise", split, split, split), 0.01)
    few = gaussian_draws(image, 20_000)
    monkeypatch.setattr("deeplearn.baselines.gaussian.FULL", 3)
    monkeypatch.setattr(np.linalg, "qr", None)
    with pytest.raises(UserError, match="the covariance of 4 pixels is too large: at most 3 are used"):
        rows["Gaussian, full"]()
    assert np.isfinite(rows["Gaussian, diagonal"]().metrics["nll"])
    np.testing.assert_allclose(
        np.cov(gaussian_draws(image, 20_000).reshape(-1, 4).T), np.cov(few.reshape(-1, 4).T), atol=0.01
    )
