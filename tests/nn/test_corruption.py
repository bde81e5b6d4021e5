"""Corruptions against the distributions they are named for."""

import jax
import numpy as np
import scipy.stats

from deeplearn.nn.corruption import gaussian, masking, salt_and_pepper

X = np.random.default_rng(0).uniform(0.2, 0.8, size=(100, 400)).astype(np.float32)
KEY = jax.random.key(0)


def test_gaussian_noise_has_its_deviation():
    noise = np.asarray(gaussian(KEY, X, 0.25)) - X
    assert scipy.stats.kstest(noise.ravel(), scipy.stats.norm(0, 0.25).cdf).pvalue > 1e-3


def test_masking_sets_its_share_to_zero_and_leaves_the_rest():
    found = np.asarray(masking(KEY, X, 0.3))
    hit = found == 0
    assert abs(hit.mean() - 0.3) < 0.01
    np.testing.assert_array_equal(found[~hit], X[~hit])
    # Each pixel on its own: rows and columns differ by no more than chance.
    np.testing.assert_allclose(hit.mean(0).std(), np.sqrt(0.3 * 0.7 / 100), rtol=0.15)
    np.testing.assert_allclose(hit.mean(1).std(), np.sqrt(0.3 * 0.7 / 400), rtol=0.3)


def test_salt_and_pepper_share_equally():
    found = np.asarray(salt_and_pepper(KEY, X, 0.15))
    assert abs((found == 0).mean() - 0.075) < 0.005 and abs((found == 1).mean() - 0.075) < 0.005
    rest = (found > 0) & (found < 1)
    np.testing.assert_array_equal(found[rest], X[rest])
