"""Path lengths of a linear generator, whose Jacobian is known."""

import jax
import numpy as np

from deeplearn.losses.path_length import path_lengths


def test_lengths_are_those_of_the_known_jacobian():
    rng, key = np.random.default_rng(0), jax.random.key(3)
    jacobian = rng.normal(size=(2 * 4, 4 * 3 * 2)).astype(np.float32)  # of styles [2, 4] and images [4, 3, 2]
    styles = rng.normal(size=(5, 2, 4)).astype(np.float32)
    found = path_lengths(lambda s: (s.reshape(5, -1) @ jacobian).reshape(5, 4, 3, 2), styles, key)
    y = np.asarray(jax.random.normal(key, (5, 4, 3, 2))).reshape(5, -1) / np.sqrt(12)
    slopes = (y @ jacobian.T).reshape(5, 2, 4)
    np.testing.assert_allclose(found, np.sqrt((slopes**2).sum(-1).mean(-1)), rtol=1e-5)


def test_a_generator_that_does_not_move_has_a_finite_gradient():
    styles = np.ones((2, 1, 3), np.float32)

    def loss(scale):
        return path_lengths(lambda s: scale * s[..., None], styles, jax.random.key(0)).sum()

    assert np.isfinite(jax.grad(loss)(0.0))
