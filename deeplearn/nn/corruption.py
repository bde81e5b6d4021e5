"""Corruptions of x in [0, 1], the inputs of denoising autoencoders (Vincent et al. 2010, section 3.3)."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def gaussian(key: jax.Array, x: jax.Array, std: float) -> jax.Array:
    """x + std · ε, any shape, not clipped to [0, 1]; with a std of 0 nothing is drawn."""
    if not std:
        return x
    return x + std * jax.random.normal(key, x.shape)


def masking(key: jax.Array, x: jax.Array, probability: float) -> jax.Array:
    """Each value, of any shape, is set to 0 with the given probability."""
    return jnp.where(jax.random.uniform(key, x.shape) < probability, 0.0, x)


def salt_and_pepper(key: jax.Array, x: jax.Array, probability: float) -> jax.Array:
    """Each value, of any shape, is set to 0 or to 1, each with half the given probability."""
    drawn = jax.random.uniform(key, x.shape)
    return jnp.where(drawn < probability / 2, 0.0, jnp.where(drawn < probability, 1.0, x))
