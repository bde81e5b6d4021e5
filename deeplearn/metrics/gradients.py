"""Whether a gradient is right: differences of the function itself, and how far apart two vectors are."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree


@functools.partial(jax.jit, static_argnums=0)
def central_differences(
    function: Callable[..., jax.Array], weights: Any, chosen: jax.Array, h: jax.Array, *args: Any
) -> jax.Array:
    """(f(w + h eᵢ) − f(w − h eᵢ)) / 2h for the chosen coordinates of all weights in one vector.

    Args:
        function: f(weights, *args) -> a scalar. It is compiled: define it at the top of a module.
        weights: any tree of arrays; `ravel_pytree` numbers their coordinates.
        chosen: [n] integers.
        h: [] of the weights' type. The error is of the order h² and of rounding over h: give double precision.

    Returns:
        [n].
    """
    chex.assert_rank([chosen, h], [1, 0])
    vector, unravel = ravel_pytree(weights)

    def difference(index: jax.Array) -> jax.Array:
        step = jnp.zeros_like(vector).at[index].set(h)
        return (function(unravel(vector + step), *args) - function(unravel(vector - step), *args)) / (2 * h)

    return jax.lax.map(difference, chosen, batch_size=50)


def relative_distance(found: np.ndarray, right: np.ndarray) -> float:
    """‖found − right‖ / ‖right‖ of two vectors [n]."""
    found, right = np.asarray(found), np.asarray(right)
    chex.assert_rank([found, right], 1)
    chex.assert_equal_shape([found, right])
    return float(np.linalg.norm(found - right) / np.linalg.norm(right))
