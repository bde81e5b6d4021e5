"""Backpropagation through time by hand, and the gradient's growth with distance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.sequences.recurrence import (
    Weights,
    backward,
    forward,
    growth,
    jacobians,
    loss_by_hand,
    loss_by_jax,
    random_recurrence,
)

RNG = np.random.default_rng(0)
WEIGHTS = Weights(*(0.5 * RNG.normal(size=shape) for shape in ((4, 4), (2, 4), (4,), (4, 1), (1,))))
X, TARGET = RNG.normal(size=(3, 6, 2)), RNG.normal(size=3)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def test_the_gradient_is_that_of_jax_and_of_an_error_in_each_state():
    states, answer = forward(WEIGHTS, X)
    gradient, errors = backward(WEIGHTS, X, states, answer, TARGET)
    expected = jax.grad(loss_by_jax)(WEIGHTS, X, TARGET)
    by_hand = jax.grad(lambda w: 3 * loss_by_hand(w, X, TARGET))(WEIGHTS)
    for one, scaled, right in zip(gradient, by_hand, expected, strict=True):
        np.testing.assert_allclose(one, right, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(scaled, 3 * right, rtol=1e-10, atol=1e-12)

    def from_step(h, t):
        for x in X.swapaxes(0, 1)[t:]:
            h = np.tanh(h @ WEIGHTS.recurrent + x @ WEIGHTS.input + WEIGHTS.bias)
        return np.square((h @ WEIGHTS.output + WEIGHTS.output_bias)[:, 0] - TARGET).mean()

    for t in (0, 3, 6):
        for place in ((0, 1), (2, 3)):
            step = np.zeros((3, 4))
            step[place] = 1e-6
            h = np.asarray(states[t])
            slope = (from_step(h + step, t) - from_step(h - step, t)) / 2e-6
            assert errors[t][place] == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_derivatives_of_the_last_state_are_jax_s():
    w = random_recurrence(0, 5, 1.2)
    states = [RNG.uniform(-1, 1, 5)]
    for _ in range(4):
        states.append(np.tanh(states[-1] @ w))

    def last(h, steps):
        for _ in range(steps):
            h = jnp.tanh(h @ w)
        return h

    norms = jacobians(w, np.array(states))
    for distance in range(5):
        expected = jax.jacobian(lambda h, distance=distance: last(h, distance))(jnp.asarray(states[4 - distance]))
        assert norms[distance] == pytest.approx(np.linalg.norm(expected, 2), rel=1e-10)


def test_a_linear_recurrence_grows_by_its_spectral_radius():
    for radius in (0.5, 1.0, 1.3):
        w = random_recurrence(1, 16, radius)
        assert np.abs(np.linalg.eigvals(w)).max() == pytest.approx(radius)
        assert growth(jacobians(w, np.zeros((401, 16)))) == pytest.approx(radius, rel=0.01)
        orthogonal = radius * np.linalg.qr(RNG.normal(size=(16, 16)))[0]
        np.testing.assert_allclose(jacobians(orthogonal, np.zeros((21, 16))), radius ** np.arange(21.0), rtol=1e-10)
