"""The way along a great circle, between vectors whose lengths mean something."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def along_great_circle(a: jax.Array, b: jax.Array, fraction: jax.Array) -> jax.Array:
    """From a to b [..., latents] at a fraction [...] of the angle between them (Shoemake 1985); slerp.

    Between vectors of different lengths the length changes as well. Between those of one direction it is a
    straight line.
    """
    lengths = jnp.linalg.norm(a, axis=-1) * jnp.linalg.norm(b, axis=-1)
    cosine = jnp.clip((a * b).sum(-1) / jnp.maximum(lengths, 1e-12), -1 + 1e-6, 1 - 1e-6)
    angle = jnp.arccos(cosine)
    here, there = (jnp.sin(part * angle) / jnp.sin(angle) for part in (1 - fraction, fraction))
    return here[..., None] * a + there[..., None] * b
