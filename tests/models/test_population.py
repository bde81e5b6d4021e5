"""A population's members, against the same networks alone."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from deeplearn.models.mlp import MLP
from deeplearn.models.population import Population

X = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)


def member(tree, number):
    return jax.tree.map(lambda leaf: leaf[number], tree)


def test_each_member_is_the_network_with_its_own_weights():
    population = Population(functools.partial(MLP, (4,), 3), 2)
    params = population.init(jax.random.key(0), X)["params"]
    (inner,) = params.values()
    outputs = population.apply({"params": params}, X)
    assert outputs.shape == (2, 6, 3)
    for number in range(2):
        alone = MLP((4,), 3).apply({"params": member(inner, number)}, X)
        np.testing.assert_allclose(outputs[number], alone, rtol=1e-5, atol=1e-6)
    assert np.abs(outputs[0] - outputs[1]).max() > 0.1


def test_the_gradient_of_the_sum_is_each_member_s_own():
    population = Population(functools.partial(MLP, (4,), 3), 2)
    params = population.init(jax.random.key(0), X)
    together = jax.grad(lambda p: (population.apply(p, X) ** 2).sum())(params)["params"]
    alone = jax.grad(lambda p: (MLP((4,), 3).apply({"params": p}, X) ** 2).sum())
    (inner,), (gradients,) = params["params"].values(), together.values()
    for number in range(2):
        chex.assert_trees_all_close(member(gradients, number), alone(member(inner, number)), rtol=1e-4, atol=1e-5)


class Scaled(nn.Module):
    @nn.compact
    def __call__(self, x, scale, noisy):
        weight = self.param("weight", nn.initializers.ones, ())
        return weight * scale * x + (jax.random.normal(self.make_rng("noise"), x.shape) if noisy else 0)


def test_own_inputs_own_settings_and_own_noise():
    population = Population(Scaled, 2, settings=(1.0, 3.0))
    x = jnp.stack([X, 2 * X])
    params = population.init(jax.random.key(0), x, own_inputs=True, noisy=False)
    still = population.apply(params, x, own_inputs=True, noisy=False)
    np.testing.assert_allclose(still, np.stack([X, 6 * X]), rtol=1e-6)
    # The same weights on inputs that all share.
    np.testing.assert_allclose(population.apply(params, X, noisy=False), np.stack([X, 3 * X]), rtol=1e-6)
    # As the loop does it: one stream serves all.
    noisy = population.apply(params, x, own_inputs=True, noisy=True, rngs={"params": jax.random.key(1)})
    assert np.abs((noisy - still)[0] - (noisy - still)[1]).max() > 0.5


def test_there_is_a_setting_for_each_member():
    with pytest.raises(AssertionError, match="settings"):
        Population(Scaled, 3, settings=(1.0, 3.0)).init(jax.random.key(0), X, noisy=False)
