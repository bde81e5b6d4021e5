"""Unrolling beside a recursion written out by hand, in a game of two numbers."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.turns import generate
from deeplearn.adversarial.unrolled import generate_unrolled

REAL, NOISE, RATE = np.array([1.5, -0.5, 2.0]), np.array([0.3, 1.0, -0.4]), 0.7


class Slope(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        return self.param("slope", nn.initializers.ones, ()) * x[:, 0]


class Game(nn.Module):
    """D(x) = ψ x; the generator adds θ to its noise."""

    def setup(self):
        self.discriminator = Discriminator(Slope())
        self.theta = self.param("theta", nn.initializers.zeros, ())

    def real(self, batch):
        return jnp.asarray(REAL, jnp.float32)[:, None]

    def fake(self, batch, train=False):
        return jnp.asarray(NOISE, jnp.float32)[:, None] + self.theta


def by_hand(theta, psi, steps):
    """−E log σ(ψ_K (z + θ)), where ψ takes K steps against dL/dψ = −E x σ(−ψ x) + E g σ(ψ g), g = z + θ."""
    fake, sigmoid = NOISE + theta, lambda a: 1 / (1 + np.exp(-a))
    for _ in range(steps):
        psi = psi - RATE * (np.mean(-REAL * sigmoid(-psi * REAL)) + np.mean(fake * sigmoid(psi * fake)))
    return np.mean(np.log1p(np.exp(-psi * fake)))


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_the_loss_and_its_gradient_are_those_of_the_recursion(steps):
    model, theta, psi = Game(), 0.4, -0.8

    def loss(theta):
        params = {"theta": theta, "discriminator": {"network": {"slope": jnp.float32(psi)}}}
        variables = {"params": params}
        return model.apply(variables, {"step": 0}, steps=steps, rate=RATE, method=generate_unrolled)[0]

    found, slope = jax.value_and_grad(loss)(jnp.float32(theta))
    assert float(found) == pytest.approx(by_hand(theta, psi, steps), rel=1e-5)
    small = 1e-5
    expected = (by_hand(theta + small, psi, steps) - by_hand(theta - small, psi, steps)) / (2 * small)
    assert float(slope) == pytest.approx(expected, rel=1e-4)


def test_without_a_step_it_is_the_generators_own_loss():
    variables = Game().init(
        jax.random.key(0), {"step": 0}, method=lambda m, b: generate_unrolled(m, b, steps=1, rate=RATE)
    )
    unrolled = Game().apply(variables, {"step": 0}, steps=0, rate=RATE, method=generate_unrolled)[0]
    own = Game().apply(variables, {"step": 0}, method=generate)[0]
    assert float(unrolled) == pytest.approx(float(own), rel=1e-6)
