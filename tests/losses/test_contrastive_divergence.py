"""Contrastive divergence: the loss's gradient is the rule of the papers, and follows the likelihood's own."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl.testing import parameterized

from deeplearn.losses.contrastive_divergence import (
    contrastive_divergence,
    free_energy_gap,
    persistent_contrastive_divergence,
)
from deeplearn.models.rbm import RBM

VISIBLE, HIDDEN = 4, 5
STATES = np.array(list(itertools.product([0.0, 1.0], repeat=VISIBLE)), np.float32)


def weights(seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    shapes = {"kernel": (VISIBLE, HIDDEN), "visible_bias": (VISIBLE,), "hidden_bias": (HIDDEN,)}
    return {name: jnp.asarray(scale * rng.normal(size=shape), jnp.float32) for name, shape in shapes.items()}


def run(params, function, *arguments, std=None, **kwargs):
    def bound(machine):
        return function(machine, *arguments, **kwargs)

    return RBM(VISIBLE, HIDDEN, std).apply({"params": params}, method=bound)


def hidden(params, v, std=None):
    return 1 / (1 + np.exp(-(v / (std or 1) @ np.asarray(params["kernel"]) + np.asarray(params["hidden_bias"]))))


class Rule(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True)
    @parameterized.product(std=(None, 0.6), steps=(1, 3))
    def test_the_gradient_is_the_rule_written_by_hand(self, std, steps):
        """Minus the gradient: ΔW = ⟨v p(h|v)⟩_data − ⟨v p(h|v)⟩_k, Δb and Δc alike; if Gaussian, v/σ and v/σ²."""
        params, key = weights(), jax.random.key(3)
        v = np.random.default_rng(1).normal(size=(6, VISIBLE)) if std else STATES[[1, 4, 6, 9, 11, 14]]
        v = v.astype(np.float32)

        @self.variant
        def sample_and_gradient(params, v, key):
            def loss(params):
                return run(params, contrastive_divergence, v, key, steps, std=std)[0]

            return run(params, RBM.gibbs, v, key, steps, std=std), jax.grad(loss)(params)

        vk, gradient = sample_and_gradient(params, v, key)
        vk, scale = np.asarray(vk), std or 1.0
        h, hk, n = hidden(params, v, std), hidden(params, vk, std), len(v)
        assert not np.allclose(v, vk)
        expected = {
            "kernel": -(v.T @ h - vk.T @ hk) / n / scale,
            "visible_bias": -(v - vk).mean(0) / scale**2,
            "hidden_bias": -(h - hk).mean(0),
        }
        chex.assert_trees_all_close(gradient, expected, atol=1e-5)


def exact_nll(params, target):
    """−Σ target(v) log p(v), with the states of the visible units enumerated."""
    energies = run(params, RBM.free_energy, STATES)
    return (target * energies).sum() + jax.scipy.special.logsumexp(-energies)


def test_on_samples_of_the_model_itself_the_gradient_is_that_of_the_exact_likelihood():
    """Each state as often as the model has it, in the place of the chains: the gap's gradient has no error left."""
    params, target = weights(), np.random.default_rng(2).dirichlet(np.ones(len(STATES))).astype(np.float32)
    model = jax.nn.softmax(-run(params, RBM.free_energy, STATES))
    exact = jax.grad(exact_nll)(params, target)
    repeats = 20_000
    data = np.repeat(STATES, np.round(target * repeats).astype(int), axis=0)
    samples = np.repeat(STATES, np.round(np.asarray(model) * repeats).astype(int), axis=0)
    gap = jax.grad(lambda p: run(p, free_energy_gap, data, samples)[0])(params)
    chex.assert_trees_all_close(gap, exact, atol=1e-3)  # 16 counts rounded


def test_long_chains_give_the_gradient_of_the_exact_likelihood_and_one_step_does_not():
    params, target = weights(scale=1.5), np.zeros(len(STATES), np.float32)
    target[[3, 12]] = 0.5
    data = jnp.asarray(np.repeat(STATES[[3, 12]], 10_000, axis=0))
    exact = jax.grad(exact_nll)(params, target)

    def error(steps):
        gradient = jax.grad(lambda p: run(p, contrastive_divergence, data, jax.random.key(0), steps)[0])(params)
        return max(float(jnp.abs(gradient[name] - exact[name]).max()) for name in exact)

    assert (
        error(100) < 0.02
    )  # the sampling error of 20,000 chains is .0035 at most, times the largest of 29 numbers
    assert error(1) > 0.05


def test_persistent_chains_learn_a_small_distribution_to_the_probability_of_each_state():
    """Against brute force: all 16 probabilities of the trained machine, its partition function enumerated."""
    # Two patterns, .6 and .4, each unit flipped with probability .1: far from independent units.
    flips = np.abs(STATES - np.array([0, 0, 1, 1])).sum(1)
    target = jnp.asarray(0.6 * 0.1**flips * 0.9 ** (4 - flips) + 0.4 * 0.9**flips * 0.1 ** (4 - flips))
    steps = 1500
    optimizer = optax.sgd(optax.linear_schedule(0.3, 0.0, steps))

    def step(number, carry):
        params, state, chains = carry
        draw, noise = jax.random.split(jax.random.fold_in(jax.random.key(0), number))
        v = jnp.asarray(STATES)[jax.random.choice(draw, len(STATES), (100,), p=target)]

        def loss(params):
            value, _, moved = run(params, persistent_contrastive_divergence, v, chains, noise, 1)
            return value, moved

        gradient, chains = jax.grad(loss, has_aux=True)(params)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state, chains

    def distance(params):
        """Total variation between the machine and the target."""
        return np.abs(jax.nn.softmax(-run(params, RBM.free_energy, STATES)) - target).sum() / 2

    start = weights(scale=0.1)
    chains = jnp.zeros((100, HIDDEN))
    params, _, _ = jax.jit(lambda p: jax.lax.fori_loop(0, steps, step, (p, optimizer.init(p), chains)))(start)
    assert distance(start) > 0.3
    assert distance(params) < 0.06
