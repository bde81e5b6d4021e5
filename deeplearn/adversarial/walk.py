"""Walks through a generator's noise: pictures that turn into one another."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.great_circle import along_great_circle


def spherical_walk(stops: jax.Array, between: int) -> jax.Array:
    """Noise [S, latents] -> [S · between, latents]: from each stop to the next, and from the last to the first.

    Along great circles (White 2016, "Sampling generative networks"), `between` vectors a leg, its end left to the
    next one: a straight line would lead through vectors shorter than Gaussian noise ever is.
    """
    assert_shapes(stops=(stops, "stops latents"))
    ends = jnp.roll(stops, -1, axis=0)
    legs = along_great_circle(stops[:, None], ends[:, None], jnp.arange(between) / between)
    return legs.reshape(-1, stops.shape[1])
