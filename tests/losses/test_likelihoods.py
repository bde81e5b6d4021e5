"""The likelihoods of a decoder's outputs, against SciPy and by enumeration."""

import itertools

import chex
import jax
import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import bernoulli, norm

from deeplearn.losses.likelihoods import Bernoulli, Gaussian, Logistic

GENERATOR = np.random.default_rng(0)


def outputs(likelihood, *leading, pixels=4):
    return GENERATOR.normal(size=(*leading, pixels * likelihood.parts)).astype(np.float32)


def no_key():
    raise AssertionError("nothing is drawn")


@pytest.mark.parametrize("components", [1, 2])
def test_under_the_logistic_all_images_there_are_have_probability_one(components):
    """81 images of four pixels with three levels."""
    likelihood = Logistic(3, components)
    images = np.array(list(itertools.product([0, 0.5, 1], repeat=4)), np.float32)
    given = outputs(likelihood)
    probability = np.exp(likelihood.log_likelihood(np.repeat(given[None], 81, 0), images))
    assert probability.sum() == pytest.approx(1, abs=1e-5) and probability.std() > 1e-3
    np.testing.assert_allclose(likelihood.mean(given), probability @ images, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(likelihood.observe(images, no_key), images)


def test_the_logistic_s_outputs_are_logits_means_and_scales():
    """Two components, the second of no weight: one logistic of the mean and scale that the outputs say."""
    likelihood, given = Logistic(17, 2), np.array([[30, -30, 0.2, 9, -0.5, 9]], np.float32)
    edges = (np.array([7, 8]) + 0.5) / 16
    low, high = expit((edges - 0.7) / np.exp(-2.5))
    found = likelihood.log_likelihood(given, np.array([[0.5]], np.float32))
    assert float(found[0]) == pytest.approx(np.log(high - low), rel=1e-4)


class AgainstSciPy(chex.TestCase):
    @chex.all_variants
    def test_the_gaussian_is_its_density(self):
        likelihood = Gaussian(17)
        given, x = outputs(likelihood, 3, 2), GENERATOR.uniform(size=(3, 2, 4)).astype(np.float32)
        mean, log_variance = given.reshape(3, 2, 4, 2)[..., 0], given.reshape(3, 2, 4, 2)[..., 1]
        expected = norm(mean, np.exp(log_variance / 2)).logpdf(x).sum(-1)
        np.testing.assert_allclose(self.variant(likelihood.log_likelihood)(given, x), expected, rtol=1e-4)
        np.testing.assert_array_equal(self.variant(likelihood.mean)(given), mean)

    @chex.all_variants
    def test_the_bernoulli_is_its_mass(self):
        likelihood = Bernoulli()
        given, grey = outputs(likelihood, 3), np.array([[0.0, 0.49, 0.51, 1.0]] * 3, np.float32)
        x = self.variant(lambda grey: likelihood.observe(grey, no_key))(grey)
        np.testing.assert_array_equal(x, [[0, 0, 1, 1]] * 3)
        np.testing.assert_allclose(self.variant(likelihood.mean)(given), expit(given), rtol=1e-5)
        expected = bernoulli(expit(given)).logpmf(x).sum(-1)
        np.testing.assert_allclose(self.variant(likelihood.log_likelihood)(given, x), expected, rtol=1e-4)


def test_levels_are_spread_evenly_over_their_bins():
    likelihood, levels = Gaussian(3), np.tile(np.array([0, 0.5, 1], np.float32), (20_000, 1))
    offset = np.asarray(likelihood.observe(levels, lambda: jax.random.key(0))) - levels
    assert -0.25 <= offset.min() < -0.249 and 0.249 < offset.max() <= 0.25 and abs(offset.mean()) < 2e-3
    assert likelihood.bin_width == 0.5
