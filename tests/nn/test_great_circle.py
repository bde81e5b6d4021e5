"""Points on a great circle, at known angles."""

import jax.numpy as jnp
import numpy as np

from deeplearn.nn.great_circle import along_great_circle


def test_a_third_of_a_right_angle_is_thirty_degrees():
    a, b = jnp.array([[3.0, 0.0, 0.0]]), jnp.array([[0.0, 0.5, 0.0]])
    for lengths in ((1, 1), (3, 0.5)):
        ends = (x / jnp.linalg.norm(x) * length for x, length in zip((a, b), lengths, strict=True))
        one, other = ends
        found = [along_great_circle(one, other, jnp.array([t]))[0] for t in (0.0, 1 / 3, 1.0)]
        wanted = np.array([[1, 0, 0], [3**0.5 / 2, 0.5, 0], [0, 1, 0]]) * [*lengths, 1]
        np.testing.assert_allclose(found, wanted, atol=1e-6)
