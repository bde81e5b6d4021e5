"""The restricted Boltzmann machine against sums over all of its states, and its sampler against its own energy."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized
from scipy.special import expit, logsumexp
from sklearn.neural_network import BernoulliRBM

from deeplearn.models.rbm import RBM, PersistentRBM, chain_means

VISIBLE, HIDDEN = 4, 3


def states(units):
    return np.array(list(itertools.product([0.0, 1.0], repeat=units)))


def weights(visible=VISIBLE, hidden=HIDDEN, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "kernel": rng.normal(size=(visible, hidden)),
        "visible_bias": rng.normal(size=visible),
        "hidden_bias": rng.normal(size=hidden),
    }


def energy(w, v, h, std=None):
    """E(v, h) as its definition is written, for one v and one h."""
    if std is None:
        return -w["visible_bias"] @ v - w["hidden_bias"] @ h - v @ w["kernel"] @ h
    quadratic = ((v - w["visible_bias"]) ** 2).sum() / (2 * std**2)
    return quadratic - w["hidden_bias"] @ h - (v / std) @ w["kernel"] @ h


def call(method, *arguments, std=None, **kwargs):
    model = RBM(VISIBLE, HIDDEN, std)
    return jax.tree.map(np.asarray, model.apply({"params": weights()}, *arguments, method=method, **kwargs))


class FreeEnergy(chex.TestCase):
    @chex.all_variants
    @parameterized.parameters(None, 0.7)
    def test_it_sums_the_hidden_units_out(self, std):
        v = states(VISIBLE) if std is None else np.random.default_rng(1).normal(size=(16, VISIBLE))
        expected = [-logsumexp([-energy(weights(), x, h, std) for h in states(HIDDEN)]) for x in v]
        machine = RBM(VISIBLE, HIDDEN, std)
        found = self.variant(lambda p, v: machine.apply({"params": p}, v, method=RBM.free_energy))(weights(), v)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_free_energy_is_that_of_scikit_learn():
    machine, w = BernoulliRBM(HIDDEN), weights()
    machine.components_ = w["kernel"].T
    machine.intercept_visible_, machine.intercept_hidden_ = w["visible_bias"], w["hidden_bias"]
    np.testing.assert_allclose(
        call(RBM.free_energy, states(VISIBLE)), machine._free_energy(states(VISIBLE)), rtol=1e-5
    )


@pytest.mark.parametrize("std", [None, 0.7])
def test_conditionals_follow_from_the_energy(std):
    """p(h_j = 1 | v) = σ(E(h_j = 0) − E(h_j = 1)); E[v | h] minimises the energy, or follows the same rule for
    bits."""
    w, v, h = weights(), np.array([1.0, 0.0, 1.0, 1.0]), np.array([1.0, 0.0, 1.0])
    for j in range(HIDDEN):
        on, off = h.copy(), h.copy()
        on[j], off[j] = 1, 0
        logit = energy(w, v, off, std) - energy(w, v, on, std)
        np.testing.assert_allclose(call(RBM.hidden_logits, v[None], std=std)[0, j], logit, rtol=1e-4)
    mean = call(RBM.visible_mean, h[None], std=std)[0]
    if std is None:
        on, off = np.eye(VISIBLE), np.zeros((VISIBLE, VISIBLE))
        logits = [energy(w, b, h) - energy(w, a, h) for a, b in zip(on, off, strict=True)]
        np.testing.assert_allclose(mean, expit(logits), rtol=1e-5)
    else:
        gradient = jax.grad(lambda v: energy({k: jnp.asarray(x) for k, x in w.items()}, v, h, std))(mean)
        np.testing.assert_allclose(gradient, np.zeros(VISIBLE), atol=1e-5)


def test_gibbs_sampling_arrives_at_the_distribution_of_the_energy():
    v, chains = states(VISIBLE), 20_000
    unnormalised = np.exp(-call(RBM.free_energy, v))
    start = jnp.zeros((chains, VISIBLE))
    sampled = call(RBM.gibbs, start, jax.random.key(0), steps=50)
    codes = sampled @ 2 ** np.arange(VISIBLE)[::-1]
    counts = np.bincount(codes.astype(int), minlength=16) / chains
    # The standard deviation of a frequency is at most 1 / (2 √chains) = .0035.
    np.testing.assert_allclose(counts, unnormalised / unnormalised.sum(), atol=0.015)


def test_chains_of_hidden_units_arrive_at_the_joint_distribution():
    """Both layers at once: a pair that was not drawn together would show in the frequencies of the pairs."""
    chains = 40_000
    v, h = call(RBM.gibbs_of_hidden, jnp.zeros((chains, HIDDEN)), jax.random.key(0), steps=50)
    energies = np.array([[energy(weights(), one, other) for other in states(HIDDEN)] for one in states(VISIBLE)])
    exact = np.exp(-energies) / np.exp(-energies).sum()
    codes = [units @ 2 ** np.arange(units.shape[1])[::-1] for units in (v, h)]
    found = (
        np.histogram2d(*codes, bins=[np.arange(len(energies) + 1), np.arange(energies.shape[1] + 1)])[0] / chains
    )
    # The standard deviation of a frequency is at most 1 / (2 √chains) = .0025.
    np.testing.assert_allclose(found, exact, atol=0.01)
    # One step of the layers from hidden units that are all 1: the visible ones are drawn from those alone.
    v, _ = call(RBM.gibbs_of_hidden, jnp.ones((chains, HIDDEN)), jax.random.key(1), steps=1)
    np.testing.assert_allclose(v.mean(0), call(RBM.visible_mean, jnp.ones((1, HIDDEN)))[0], atol=0.01)


def test_gaussian_units_scatter_by_their_std():
    h = jnp.tile(jnp.array([1.0, 0.0, 1.0]), (20_000, 1))
    sampled = call(RBM.sample_visible, h, jax.random.key(0), std=0.7)
    np.testing.assert_allclose(sampled.std(0), 0.7, rtol=0.03)
    np.testing.assert_allclose(sampled.mean(0), call(RBM.visible_mean, h[:1], std=0.7)[0], atol=0.03)


def test_chains_start_at_zero_in_a_collection_of_their_own():
    variables = PersistentRBM(VISIBLE, HIDDEN, chains=32).init(
        jax.random.key(0), jnp.zeros((1, VISIBLE)), method=RBM.free_energy
    )
    np.testing.assert_array_equal(variables["chains"]["hidden"], np.zeros((32, HIDDEN)))


def test_images_are_seen_black_and_white_or_grey():
    image = np.array([[[0.2], [0.8]], [[0.5], [0.51]]], np.float32)[None]
    np.testing.assert_array_equal(RBM(VISIBLE, HIDDEN).observe(image), [[0, 1, 0, 1]])
    np.testing.assert_array_equal(RBM(VISIBLE, HIDDEN, 0.5).observe(image), image.reshape(1, 4))


def test_a_reconstruction_goes_up_and_down_by_probabilities():
    v, w = states(VISIBLE), weights()
    code = 1 / (1 + np.exp(-(v @ w["kernel"] + w["hidden_bias"])))
    np.testing.assert_allclose(call(RBM.encode, v), code, rtol=1e-5)
    expected = 1 / (1 + np.exp(-(code @ np.asarray(w["kernel"]).T + w["visible_bias"])))
    np.testing.assert_allclose(call(RBM.reconstruct, v), expected, rtol=1e-4)


def test_means_of_long_chains_are_those_of_the_energy():
    unnormalised = np.exp(-call(RBM.free_energy, states(VISIBLE)))
    exact = unnormalised @ states(VISIBLE) / unnormalised.sum()
    start = jnp.ones((20_000, VISIBLE))
    first, last = call(chain_means, start, jax.random.key(0), visits=(1, 50))
    np.testing.assert_allclose(last.mean(0), exact, atol=0.01)
    # After one step: E[v | h] with h drawn from the start.
    assert np.abs(np.asarray(first).mean(0) - exact).max() > 0.02
