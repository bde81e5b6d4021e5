"""Pooling over windows of an image: maximum, average, L2, stochastic. [B, H, W, C] -> [B, H', W', C].

Windows may overlap (Krizhevsky et al. 2012, 3.4). `strides` are the window's own size unless given; `padding` is
"VALID", "SAME", a number, or a number or pair for each direction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial, reduce

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.windows import Padding, Pair, Windows, pad, shifted, windows

Size = int | Sequence[int]


def _pool_windows(x: jax.Array, size: Size, strides: Size | None, padding: Padding) -> Windows:
    assert_shapes(x=(x, IMAGES))
    return windows(x.shape, size, size if strides is None else strides, padding)


def _up(size: int, window: int, stride: int, pads: Pair) -> Pair:
    """Padding with which the last window may extend over the edge, if it starts inside the image or before it."""
    count = math.ceil((size + sum(pads) - window) / stride) + 1
    if (count - 1) * stride >= size + pads[0]:
        count -= 1
    return pads[0], max(0, (count - 1) * stride + window - size - pads[0])


@jax.custom_jvp
def _larger(first: jax.Array, second: jax.Array) -> jax.Array:
    return jnp.maximum(first, second)


@_larger.defjvp
def _(values: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
    """The first of equal values gets the whole gradient, as in the native pool; `maximum` gives half to each."""
    larger = _larger(*values)  # not `maximum`: second derivatives are taken of this
    return larger, jnp.where(larger == values[0], *tangents)


def _native_max(x: jax.Array, how: Windows) -> jax.Array:
    lowest = np.asarray(-np.inf, x.dtype)  # a constant: JAX would not see a maximum otherwise
    frame = ((0, 0), *how.frame, (0, 0))
    return jax.lax.reduce_window(x, lowest, jax.lax.max, (1, *how.size, 1), (1, *how.strides, 1), frame)


def _sliced_max(x: jax.Array, how: Windows) -> jax.Array:
    """The same maxima over strided slices; along each row first, so that the first in reading order wins."""
    x = pad(x, how.frame, -jnp.inf)
    x = reduce(_larger, shifted(x, 2, how.size[1], how.strides[1]))
    return reduce(_larger, shifted(x, 1, how.size[0], how.strides[0]))


def max_pool(
    x: jax.Array, window: Size, strides: Size | None = None, padding: Padding = "VALID", ceil_mode: bool = False
) -> jax.Array:
    """The largest value of each window; the first of equal ones in reading order gets the gradient.

    `ceil_mode` rounds the output's size up instead of down, as Caffe and torch do. By slices on CPU, elsewhere the
    native operation: equal in value and gradient.
    """
    how = _pool_windows(x, window, strides, padding)
    if ceil_mode:
        rows, columns = map(_up, x.shape[1:3], how.size, how.strides, how.frame)
        how = how._replace(frame=(rows, columns))
    return jax.lax.platform_dependent(x, cpu=partial(_sliced_max, how=how), default=partial(_native_max, how=how))


def _native_sum(x: jax.Array, how: Windows) -> jax.Array:
    frame, zero = ((0, 0), *how.frame, (0, 0)), np.zeros((), x.dtype)
    return jax.lax.reduce_window(x, zero, jax.lax.add, (1, *how.size, 1), (1, *how.strides, 1), frame)


def _sliced_sum(x: jax.Array, how: Windows) -> jax.Array:
    x = reduce(jnp.add, shifted(pad(x, how.frame), 2, how.size[1], how.strides[1]))
    return reduce(jnp.add, shifted(x, 1, how.size[0], how.strides[0]))


def _sum_pool(x: jax.Array, how: Windows) -> jax.Array:
    """Sums over windows in float32 or higher precision."""
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return jax.lax.platform_dependent(x, cpu=partial(_sliced_sum, how=how), default=partial(_native_sum, how=how))


def avg_pool(
    x: jax.Array,
    window: Size,
    strides: Size | None = None,
    padding: Padding = "VALID",
    count_include_pad: bool = True,
) -> jax.Array:
    """The mean of each window; padding counts as zeros, or, without `count_include_pad`, does not count."""
    how = _pool_windows(x, window, strides, padding)
    total = _sum_pool(x, how)
    if count_include_pad:
        return (total / math.prod(how.size)).astype(x.dtype)
    return (total / _sum_pool(jnp.ones((1, *x.shape[1:3], 1)), how)).astype(x.dtype)


def l2_pool(x: jax.Array, window: Size, strides: Size | None = None, padding: Padding = "VALID") -> jax.Array:
    """√Σx² over each window; the gradient of an all-zero window is zero, as in torch's `lp_pool2d`."""
    precise = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    squares = _sum_pool(jnp.square(precise), _pool_windows(x, window, strides, padding))
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1)), 0).astype(x.dtype)


def stochastic_pool(
    x: jax.Array, key: jax.Array | None, window: Size, strides: Size | None = None, padding: Padding = "VALID"
) -> jax.Array:
    """One activation of each window, drawn with probability p = a/Σa (Zeiler & Fergus 2013, section 3).

    Without a key, as at inference, the mean Σ p·a under these probabilities (section 3.2). Activations must not be
    negative; an all-zero window gives zero. The gradient goes to the one that was drawn.
    """
    how = _pool_windows(x, window, strides, padding)
    rows = shifted(pad(x, how.frame), 1, how.size[0], how.strides[0])
    taps = [tap for row in rows for tap in shifted(row, 2, how.size[1], how.strides[1])]
    a = jnp.stack(taps)  # [kh·kw, B, H', W', C]
    weights = jax.lax.stop_gradient(a) if key is not None else a
    cumulative = jnp.cumsum(weights.astype(jnp.float32), axis=0)
    total = cumulative[-1]
    if key is None:
        mean = jnp.square(a).sum(0) / jnp.where(total > 0, total, 1)
        return mean.astype(x.dtype)
    threshold = jax.random.uniform(key, total.shape) * total
    drawn = (cumulative <= threshold).sum(0, keepdims=True).clip(max=len(a) - 1)
    return jnp.take_along_axis(a, drawn, axis=0)[0]
