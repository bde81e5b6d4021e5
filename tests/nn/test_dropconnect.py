"""DropConnect against the enumeration of all masks of a tiny layer."""

import itertools

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from deeplearn.nn.dropconnect import DropConnect, masked_dense, masked_moments, rectified_mean
from tests.nn.layer_checks import normal

V, KERNEL, BIAS, KEEP = normal(0, 3, 4), normal(1, 4, 2), normal(2, 2), 0.7


def all_sums():
    """Every mask of one unit's five weights (bias last): sums [masks, batch, unit] and their probabilities."""
    inputs, weights = np.c_[V, np.ones(3)], np.r_[KERNEL, BIAS[None]]
    masks = np.array(list(itertools.product([0, 1], repeat=5)))
    probability = KEEP ** masks.sum(1) * (1 - KEEP) ** (5 - masks.sum(1))
    return np.einsum("bi,mi,io->mbo", inputs, masks, weights), probability


class Moments(chex.TestCase):
    @chex.all_variants
    def test_moments_are_those_over_all_masks(self):
        sums, p = all_sums()
        found = self.variant(masked_moments)(V, KERNEL, BIAS, KEEP)
        exact = np.einsum("m,mbo->bo", p, sums)
        variance = np.einsum("m,mbo->bo", p, (sums - exact) ** 2)
        expected = exact.astype(np.float32), variance.astype(np.float32)
        chex.assert_trees_all_close(found, expected, rtol=1e-5, atol=1e-6)


def test_masks_are_drawn_for_each_example_with_their_probabilities():
    n = 20_000
    many = np.repeat(V[:1], n, axis=0)
    drawn = np.asarray(jax.jit(masked_dense)(jax.random.key(0), many, KERNEL, BIAS, KEEP))
    sums, p = all_sums()
    for unit in range(2):
        which = np.abs(drawn[:, unit, None] - sums[:, 0, unit]).argmin(1)
        np.testing.assert_allclose(drawn[:, unit], sums[which, 0, unit], atol=1e-5)
        assert stats.chisquare(np.bincount(which, minlength=32), n * p).pvalue > 1e-4
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 4 / np.sqrt(n)  # units have masks of their own


def test_the_rectified_mean_is_that_of_samples():
    mean, variance = np.array([-1.0, 0.0, 0.7, 3.0]), np.array([0.5, 2.0, 1.0, 0.1])
    samples = mean + np.sqrt(variance) * np.random.default_rng(0).normal(size=(400_000, 4))
    np.testing.assert_allclose(rectified_mean(mean, variance), np.maximum(samples, 0).mean(0), atol=5e-3)


def test_inference_averages_the_activation_over_the_gaussian():
    module = DropConnect(2, 1 - KEEP, nn.sigmoid, draws=20_000)
    params = {"kernel": KERNEL, "bias": BIAS}
    found = module.apply({"params": params}, V, train=False, rngs={"noise": jax.random.key(1)})
    mean, variance = (np.asarray(one) for one in masked_moments(V, KERNEL, BIAS, KEEP))
    for b, o in np.ndindex(3, 2):
        density = stats.norm(mean[b, o], np.sqrt(variance[b, o])).pdf
        expected, _ = integrate.quad(lambda u, d=density: d(u) / (1 + np.exp(-u)), -20, 20, points=[mean[b, o]])
        assert found[b, o] == pytest.approx(expected, abs=0.008)


def test_inference_draws_have_the_mask_s_variance():
    """E u² = μ² + σ² of the Gaussian; with weights so large that σ and σ² differ."""
    module = DropConnect(2, 1 - KEEP, jnp.square, draws=20_000)
    params = {"kernel": 3 * KERNEL, "bias": BIAS}
    found = module.apply({"params": params}, V, train=False, rngs={"noise": jax.random.key(1)})
    mean, variance = masked_moments(V, 3 * KERNEL, BIAS, KEEP)
    assert (variance > 2).any()
    np.testing.assert_allclose(found, mean**2 + variance, rtol=0.05)


def test_half_of_the_weights_are_dropped_unless_said_otherwise():
    module = DropConnect(100, activation=lambda u: u)
    params = {"kernel": jnp.ones((1, 100)), "bias": jnp.zeros(100)}
    y = module.apply({"params": params}, jnp.ones((100, 1)), train=True, rngs={"noise": jax.random.key(0)})
    assert float(y.mean()) == pytest.approx(0.5, abs=0.02)


def test_training_trains_only_what_a_mask_kept():
    module = DropConnect(2, 1 - KEEP, lambda u: u)
    params = {"kernel": KERNEL, "bias": BIAS}

    def total(params, x):
        return module.apply({"params": params}, x, train=True, rngs={"noise": jax.random.key(2)}).sum()

    slope = jax.grad(total)(params, V[:1])["kernel"]
    kept = slope != 0
    np.testing.assert_allclose(slope, np.where(kept, V[0][:, None], 0), rtol=1e-6)
    assert 0 < kept.sum() < kept.size


def test_it_computes_in_the_type_it_is_given():
    module = DropConnect(2, dtype=jnp.bfloat16)
    params = {"kernel": KERNEL, "bias": BIAS}
    for train in (True, False):
        y = module.apply({"params": params}, V, train, rngs={"noise": jax.random.key(1)})
        assert y.dtype == jnp.bfloat16 and y.any()
