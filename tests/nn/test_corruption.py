"""Corruptions against the distributions they are named for."""

import chex
import jax
import numpy as np
import scipy.stats

from deeplearn.nn.corruption import gaussian, masking, salt_and_pepper

X = np.random.default_rng(0).uniform(0.2, 0.8, size=(100, 400)).astype(np.float32)
KEY = jax.random.key(0)


def test_gaussian_noise_has_its_std():
    noise = np.asarray(gaussian(KEY, X, 0.25)) - X
    assert scipy.stats.kstest(noise.ravel(), scipy.stats.norm(0, 0.25).cdf).pvalue > 1e-3


def test_masking_sets_its_fraction_to_zero_and_leaves_the_rest():
    found = np.asarray(masking(KEY, X, 0.3))
    hit = found == 0
    assert abs(hit.mean() - 0.3) < 0.01
    np.testing.assert_array_equal(found[~hit], X[~hit])
    # Each pixel on its own: rows and columns differ no more than those of independent draws.
    np.testing.assert_allclose(hit.mean(0).std(), np.sqrt(0.3 * 0.7 / 100), rtol=0.15)
    np.testing.assert_allclose(hit.mean(1).std(), np.sqrt(0.3 * 0.7 / 400), rtol=0.3)


def test_salt_and_pepper_are_equally_frequent():
    found = np.asarray(salt_and_pepper(KEY, X, 0.15))
    assert abs((found == 0).mean() - 0.075) < 0.005 and abs((found == 1).mean() - 0.075) < 0.005
    rest = (found > 0) & (found < 1)
    np.testing.assert_array_equal(found[rest], X[rest])


class Draws(chex.TestCase):
    @chex.all_variants
    def test_the_key_alone_decides(self):
        for corruption in (gaussian, masking, salt_and_pepper):
            corrupt = self.variant(lambda key, x, corruption=corruption: corruption(key, x, 0.3))
            one, again, other = (corrupt(jax.random.key(seed), X[:5]) for seed in (0, 0, 1))
            np.testing.assert_array_equal(one, again)
            np.testing.assert_allclose(one, corruption(jax.random.key(0), X[:5], 0.3), rtol=1e-5, atol=1e-6)
            assert (np.asarray(one) != other).any()
