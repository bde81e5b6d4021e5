"""Each member of a population, against the same optimiser alone."""

import functools

import chex
import jax
import numpy as np
import optax
import pytest

from deeplearn.optim import OPTIMIZERS, optimizer
from deeplearn.optim.members import per_member

RATES = np.array([0.1, 0.01], np.float32)


def walk(chain, params, gradients):
    state = chain.init(params)
    for gradient in gradients:
        updates, state = chain.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
    return params


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_member_follows_its_own_rate(name):
    rng = np.random.default_rng(0)
    params = {"kernel": rng.normal(size=(2, 3, 2)).astype(np.float32), "bias": np.ones((2, 2), np.float32)}
    gradients = [jax.tree.map(lambda w: rng.normal(size=w.shape).astype(np.float32), params) for _ in range(4)]

    together = walk(per_member(functools.partial(optimizer, name), RATES), params, gradients)
    for number, rate in enumerate(RATES):
        own, own_gradients = jax.tree.map(lambda leaf, n=number: leaf[n], (params, gradients))
        alone = walk(optimizer(name, float(rate)), own, own_gradients)
        member = jax.tree.map(lambda leaf, n=number: leaf[n], together)
        chex.assert_trees_all_close(member, alone, rtol=1e-5, atol=1e-6)


def test_several_values_go_to_one_member_together():
    chain = per_member(lambda rate, decay: optax.chain(optax.trace(decay), optax.scale(-rate)), RATES, [0.0, 0.5])
    params = np.zeros((2, 1), np.float32)
    state = chain.init(params)
    for _ in range(2):
        updates, state = chain.update(np.ones((2, 1), np.float32), state, params)
    np.testing.assert_allclose(updates, [[-0.1], [-0.015]], rtol=1e-6)


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_each_member_may_have_a_penalty_of_its_own(penalty):
    strengths = np.array([0.0, 0.1], np.float32)
    params = {"kernel": np.stack([np.linspace(-1, 1, 5, dtype=np.float32)] * 2)}
    gradients = [{"kernel": np.full((2, 5), 0.02, np.float32)}] * 3
    together = walk(per_member(lambda x: optimizer("momentum", 0.1, **{penalty: x}), strengths), params, gradients)
    for number, strength in enumerate(strengths):
        own, own_gradients = jax.tree.map(lambda leaf, n=number: leaf[n], (params, gradients))
        alone = walk(optimizer("momentum", 0.1, **{penalty: float(strength)}), own, own_gradients)
        np.testing.assert_allclose(together["kernel"][number], alone["kernel"], rtol=1e-5, atol=1e-7)
    assert np.abs(together["kernel"][0] - together["kernel"][1]).max() > 1e-3
