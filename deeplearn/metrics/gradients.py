"""Gradients: whether one is right, by finite differences, and how large it is, layer by layer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict
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
    """‖found − right‖ / ‖right‖ of two vectors [n]; 0 where they are equal."""
    found, right = np.asarray(found), np.asarray(right)
    chex.assert_rank([found, right], 1)
    chex.assert_equal_shape([found, right])
    apart = float(np.linalg.norm(found - right))
    return apart / float(np.linalg.norm(right)) if apart else 0.0


def relative_norms(gradient: Any, params: Any) -> dict[str, jax.Array]:
    """{layer: ‖∂L/∂W‖ / ‖W‖} of every layer that has a kernel W, its path joined by "/".

    gradient, params: trees of the same shape. Relative to the weights, because weights before batch norm have no
    scale of their own.
    """
    slopes, weights = flatten_dict(gradient), flatten_dict(params)
    return {
        "/".join(path[:-1]): jnp.linalg.norm(slopes[path]) / jnp.linalg.norm(weights[path])
        for path in weights
        if path[-1] == "kernel"
    }
