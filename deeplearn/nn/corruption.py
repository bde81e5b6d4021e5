"""What a denoising autoencoder sees in place of its target: x in [0, 1] made worse (Vincent et al. 2010, 3.3)."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def gaussian(key: jax.Array, x: jax.Array, deviation: float) -> jax.Array:
    """x + deviation · ε, not cut to [0, 1]; with a deviation of 0 nothing is drawn."""
    if not deviation:
        return x
    return x + deviation * jax.random.normal(key, x.shape)


def masking(key: jax.Array, x: jax.Array, share: float) -> jax.Array:
    """Each value is set to 0 with probability `share`."""
    return jnp.where(jax.random.uniform(key, x.shape) < share, 0.0, x)


def salt_and_pepper(key: jax.Array, x: jax.Array, share: float) -> jax.Array:
    """Each value is set to 0 or to 1, either with probability `share` / 2."""
    chance = jax.random.uniform(key, x.shape)
    return jnp.where(chance < share / 2, 0.0, jnp.where(chance < share, 1.0, x))
