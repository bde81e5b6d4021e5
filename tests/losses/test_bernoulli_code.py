"""Stochastic bits against enumeration of all codes there are."""

import itertools

import chex
import jax
import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import entropy

from deeplearn.losses.bernoulli_code import bernoulli_kl, leave_one_out_surrogate, sample_bits
from deeplearn.losses.elbo import bernoulli_log_likelihood

LOGITS = np.array([0.8, -1.2, 0.3], np.float32)
CODES = np.array(list(itertools.product([0, 1], repeat=3)), np.float32)
WEIGHTS = np.array([1.0, -2.0, 0.7], np.float32)


def value(h, weights):
    """Some f(h) that is not additive in the bits."""
    return jax.numpy.sin(2 * h @ weights) + 5.0


def test_bits_have_their_probabilities_and_pass_no_gradient():
    draws = np.asarray(sample_bits(jax.random.key(0), np.broadcast_to(LOGITS, (40_000, 3))))
    assert set(np.unique(draws)) == {0.0, 1.0}
    np.testing.assert_allclose(draws.mean(0), expit(LOGITS), atol=0.01)
    slope = jax.grad(lambda logits: sample_bits(jax.random.key(0), logits).sum())(LOGITS)
    np.testing.assert_array_equal(slope, 0)


class BernoulliKL(chex.TestCase):
    @chex.all_variants
    def test_it_agrees_with_scipy(self):
        prior = np.array([0.0, 1.0, -0.4], np.float32)
        expected = sum(entropy([q, 1 - q], [p, 1 - p]) for q, p in zip(expit(LOGITS), expit(prior), strict=True))
        kl = self.variant(bernoulli_kl)
        assert float(kl(LOGITS, prior)) == pytest.approx(expected, rel=1e-5)
        batch = kl(np.stack([LOGITS, LOGITS]), np.zeros(()))
        np.testing.assert_allclose(batch, sum(entropy([q, 1 - q], [0.5, 0.5]) for q in expit(LOGITS)), rtol=1e-5)


def exact(logits, weights):
    q = jax.nn.sigmoid(logits)
    probability = jax.numpy.prod(jax.numpy.where(CODES == 1, q, 1 - q), -1)
    return (probability * value(CODES, weights)).sum()


@pytest.mark.parametrize("draws", [2, 4])
def test_value_and_gradient_are_unbiased(draws):
    def estimate(logits, weights, key):
        h = sample_bits(key, jax.numpy.broadcast_to(logits, (1, draws, 3)))
        log_q = bernoulli_log_likelihood(logits, h)
        return leave_one_out_surrogate(value(h, weights), log_q)

    keys = jax.random.split(jax.random.key(1), 20_000)
    one = jax.value_and_grad(estimate, (0, 1))
    values, slopes = jax.jit(jax.vmap(lambda key: one(LOGITS, WEIGHTS, key)))(keys)
    expected, expected_slopes = jax.value_and_grad(exact, (0, 1))(LOGITS, WEIGHTS)
    assert float(values.mean()) == pytest.approx(float(expected), abs=0.02)
    for found, wanted in zip(slopes, expected_slopes, strict=True):
        error = np.std(found, axis=0) / np.sqrt(len(keys))
        np.testing.assert_array_less(abs(np.mean(found, axis=0) - wanted), 4 * error + 1e-6)
    assert np.abs(expected_slopes[0]).max() > 0.1


def test_a_constant_value_has_no_gradient_at_all():
    """The baseline takes it away whatever is drawn: without one the noise would be five times log q's slope."""
    h = np.array([[[0, 1, 1], [1, 1, 0], [0, 0, 0]]], np.float32)

    def surrogate(logits):
        return leave_one_out_surrogate(np.full((1, 3), 5.0, np.float32), bernoulli_log_likelihood(logits, h))

    np.testing.assert_allclose(jax.grad(surrogate)(LOGITS), 0, atol=1e-6)
