"""A walk through noise stays on the sphere, at equal angles, and comes back."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.adversarial.walk import spherical_walk


@functools.partial(jax.jit, static_argnums=1)
def walked(stops, between):
    return spherical_walk(stops, between)


def test_a_leg_is_a_great_circle_at_equal_angles():
    rng = np.random.default_rng(0)
    stops = rng.normal(size=(3, 5))
    stops *= 4 / np.linalg.norm(stops, axis=1, keepdims=True)
    walk = np.asarray(walked(jnp.asarray(stops, jnp.float32), 7))
    assert walk.shape == (21, 5)
    np.testing.assert_allclose(walk[::7], stops, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(walk, axis=1), 4, rtol=1e-5)
    angle = np.arccos((walk * np.roll(walk, -1, 0)).sum(1) / 16)  # the last one to the first stop
    legs = np.arccos((stops * np.roll(stops, -1, 0)).sum(1) / 16)
    np.testing.assert_allclose(angle.reshape(3, 7), np.repeat(legs[:, None] / 7, 7, 1), rtol=1e-3)
    for leg in range(3):  # in the plane of its ends
        assert np.linalg.matrix_rank(np.vstack([walk[7 * leg : 7 * leg + 7], stops[(leg + 1) % 3]]), tol=1e-4) == 2


def test_parallel_vectors_and_those_of_one_latent_are_joined_by_straight_lines():
    walk = np.asarray(walked(jnp.array([[1.0], [3.0]]), 4))
    np.testing.assert_allclose(walk[:, 0], [1, 1.5, 2, 2.5, 3, 2.5, 2, 1.5], rtol=1e-3)
    assert np.isfinite(walked(jnp.array([[1.0], [-2.0]]), 4)).all()
