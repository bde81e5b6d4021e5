"""Where a token stands: learned, sinusoidal and rotary positions, counted on from call to call in decoding."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.nn.checks import assert_shapes


def count_positions(module: nn.Module, time: int, decode: bool) -> jax.Array:
    """The positions [time] of the tokens that `module` sees in this call, int32: 0, 1, 2, …

    In decoding they go on from the last call; the next one is `index` [] of the module's collection "cache".
    """
    if not decode:
        return jnp.arange(time)
    index = module.variable("cache", "index", jnp.zeros, (), jnp.int32)
    first = index.value
    index.value = first + time
    return first + jnp.arange(time)


def frequencies(features: int) -> np.ndarray:
    """10000^(−2i/features) [features/2], radians a step, from 1 downwards (Vaswani et al. 2017, section 3.5).

    ValueError if there is an odd number of features.
    """
    if features % 2:
        raise ValueError(f"positions by sine and cosine want an even number of features, not {features}")
    return (10000.0 ** (-np.arange(0, features, 2) / features)).astype(np.float32)


def sinusoids(positions: jax.Array, features: int) -> jax.Array:
    """Sines and cosines by turns (Vaswani et al. 2017, section 3.5): positions [...] -> [..., features]."""
    angles = positions[..., None] * frequencies(features)
    return jnp.stack([jnp.sin(angles), jnp.cos(angles)], -1).reshape(*positions.shape, features)


def rotate(x: jax.Array, positions: jax.Array) -> jax.Array:
    """Rotary positions: each pair of neighbouring features turned by position · frequency (Su et al. 2021, eq. 34).

    x [batch, time, heads, features], queries or keys, and positions [time] -> x's shape and type. The inner product
    of a query and a key so turned depends on the distance of their positions only.
    """
    assert_shapes(x=(x, "batch time heads features"), positions=(positions, "time"))
    angles = (positions[:, None] * frequencies(x.shape[-1]))[:, None]  # [time, 1, features/2]
    even, odd, cos, sin = x[..., ::2], x[..., 1::2], jnp.cos(angles), jnp.sin(angles)
    turned = jnp.stack([even * cos - odd * sin, even * sin + odd * cos], -1)
    return turned.reshape(x.shape).astype(x.dtype)


class SinusoidalPositions(nn.Module):
    """Adds `sinusoids` to x [batch, time, features]; `decode` as in `count_positions`."""

    @nn.compact
    def __call__(self, x: jax.Array, decode: bool = False) -> jax.Array:
        assert_shapes(x=(x, "batch time features"))
        positions = count_positions(self, x.shape[1], decode)
        return x + sinusoids(positions, x.shape[-1]).astype(x.dtype)


class LearnedPositions(nn.Module):
    """Adds a learned vector for each of the first `length` positions to x [batch, time, features].

    Parameter `table` [length, features], N(0, .02²) at first (Radford et al. 2018, section 4.1). AssertionError for
    a longer x; what is decoded past the last position is NaN. `decode` as in `count_positions`.
    """

    length: int

    @nn.compact
    def __call__(self, x: jax.Array, decode: bool = False) -> jax.Array:
        assert_shapes(x=(x, "batch time features"))
        _, time, features = x.shape
        if time > self.length:
            raise AssertionError(f"x has {time} positions, more than the {self.length} that are learned")
        table = self.param("table", nn.initializers.normal(0.02), (self.length, features))
        positions = count_positions(self, time, decode)
        return x + jnp.take(table, positions, axis=0, mode="fill", fill_value=jnp.nan).astype(x.dtype)
