"""Walks through a generator's noise: pictures that turn into one another."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes


def spherical_walk(stops: jax.Array, between: int) -> jax.Array:
    """Noise [S, latents] -> [S · between, latents]: from each stop to the next, and from the last to the first.

    Along great circles (White 2016, "Sampling generative networks"), `between` vectors a leg, its end left to the
    next one: a straight line would lead through vectors shorter than Gaussian noise ever is. Between vectors of
    different lengths the length changes as well.
    """
    assert_shapes(stops=(stops, "stops latents"))
    ends = jnp.roll(stops, -1, axis=0)
    lengths = jnp.linalg.norm(stops, axis=1) * jnp.linalg.norm(ends, axis=1)
    # A leg between parallel vectors, such as of one latent, is a straight line.
    cosine = jnp.clip((stops * ends).sum(1) / jnp.maximum(lengths, 1e-12), -1 + 1e-6, 1 - 1e-6)
    angle, fraction = jnp.arccos(cosine)[:, None], jnp.arange(between) / between
    here, there = (jnp.sin(part * angle) / jnp.sin(angle) for part in (1 - fraction, fraction))
    legs = here[..., None] * stops[:, None] + there[..., None] * ends[:, None]
    return legs.reshape(-1, stops.shape[1])
