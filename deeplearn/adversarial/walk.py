"""Walks through a generator's noise: pictures that turn into one another."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes


def along_great_circle(a: jax.Array, b: jax.Array, fraction: jax.Array) -> jax.Array:
    """From a to b [..., latents] at a fraction [...] of the angle between them (Shoemake 1985); slerp.

    Between vectors of different lengths the length changes as well. Between parallel ones, such as of one latent,
    it is a straight line.
    """
    lengths = jnp.linalg.norm(a, axis=-1) * jnp.linalg.norm(b, axis=-1)
    cosine = jnp.clip((a * b).sum(-1) / jnp.maximum(lengths, 1e-12), -1 + 1e-6, 1 - 1e-6)
    angle = jnp.arccos(cosine)
    here, there = (jnp.sin(part * angle) / jnp.sin(angle) for part in (1 - fraction, fraction))
    return here[..., None] * a + there[..., None] * b


def spherical_walk(stops: jax.Array, between: int) -> jax.Array:
    """Noise [S, latents] -> [S · between, latents]: from each stop to the next, and from the last to the first.

    Along great circles (White 2016, "Sampling generative networks"), `between` vectors a leg, its end left to the
    next one: a straight line would lead through vectors shorter than Gaussian noise ever is.
    """
    assert_shapes(stops=(stops, "stops latents"))
    ends = jnp.roll(stops, -1, axis=0)
    legs = along_great_circle(stops[:, None], ends[:, None], jnp.arange(between) / between)
    return legs.reshape(-1, stops.shape[1])
