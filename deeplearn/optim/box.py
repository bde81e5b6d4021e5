"""Weights that stay within a box."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax


def within(largest: float) -> optax.GradientTransformation:
    """The last link of a chain: after each update every parameter lies in [−largest, largest].

    The weight clipping of WGAN (Arjovsky et al. 2017, algorithm 1).
    """

    def update(updates: Any, state: optax.EmptyState, params: Any = None) -> tuple[Any, optax.EmptyState]:
        moved = jax.tree.map(lambda p, u: jnp.clip(p + u, -largest, largest) - p, params, updates)
        return moved, state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)
