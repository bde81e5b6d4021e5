"""Nothing changes forward; backward the sign and the scale do."""

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.nn.gradient_reversal import reverse_gradient


def test_the_gradient_below_is_turned_and_that_above_is_not():
    x, w = jnp.array([1.0, -2.0]), jnp.array([3.0, 0.5])

    def loss(x, w, strength):
        return jnp.sum(w * reverse_gradient(x, strength) ** 2)

    assert float(loss(x, w, 0.3)) == float(jnp.sum(w * x**2))
    below, above = jax.jit(jax.grad(loss, argnums=(0, 1)))(x, w, 0.3)
    np.testing.assert_allclose(below, -0.3 * 2 * w * x, rtol=1e-6)
    np.testing.assert_allclose(above, x**2, rtol=1e-6)
