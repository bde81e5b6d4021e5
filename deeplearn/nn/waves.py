"""Sines and cosines of coordinates: a network on them sees structure that is much smaller than the coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes


def with_waves(x: jax.Array, frequencies: Sequence[float]) -> jax.Array:
    """x [batch, ..., features], sin(f x) and cos(f x) for each frequency f: 1 + 2 · frequencies times the features.

    Narrow modes are high frequencies, which an MLP on the coordinates alone learns slowly (Tancik et al. 2020).
    """
    assert_shapes(x=(x, "batch ... features"))
    waves = [wave(frequency * x) for frequency in frequencies for wave in (jnp.sin, jnp.cos)]
    return jnp.concatenate([x, *waves], axis=-1)


class OnWaves(nn.Module):
    """A network of points [batch, features] that sees them with sines and cosines of the given frequencies."""

    network: nn.Module
    frequencies: tuple[float, ...]

    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        seen: jax.Array = self.network(with_waves(x, self.frequencies), train=train)  # type: ignore[operator]
        return seen
