"""Flax's convolution, with the gradient of its kernel and its 1×1 windows written to be fast on CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.windows import Pair, assert_room, pad, pair, shifted

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")
_CACHED = 2**14  # numbers that fit into a core's cache while all products with them are computed
_TAPS = 9  # for larger windows the gradient is XLA's own: this many products take long to compile


class _How(NamedTuple):
    strides: Pair
    frame: tuple[Pair, Pair]
    precision: Any


def _native(x: jax.Array, kernel: jax.Array, how: _How) -> jax.Array:
    strides, frame, precision = how
    if kernel.shape[:2] == (1, 1) and frame == ((0, 0), (0, 0)):
        return jnp.matmul(x[:, :: strides[0], :: strides[1]], kernel[0, 0], precision=precision)
    return jax.lax.conv_general_dilated(
        x, kernel, strides, frame, dimension_numbers=_DIMENSIONS, precision=precision
    )


def _kernel_gradient(x: jax.Array, y: jax.Array, window: Pair, how: _How) -> jax.Array:
    """XLA's own gradient of `_native` in its kernel, y [B, H', W', features] the gradient of the output."""
    kernel = jax.ShapeDtypeStruct((*window, x.shape[-1], y.shape[-1]), x.dtype)
    (gradient,) = jax.linear_transpose(lambda k: _native(x, k, how), kernel)(y)
    return gradient


def _products(x: jax.Array, y: jax.Array, window: Pair, how: _How) -> jax.Array:
    """The same: a matrix product of shifted images and y for each entry of the window, a few images at a time."""
    precise = jnp.promote_types(x.dtype, jnp.float32)
    each = math.prod(x.shape[1:]) + math.prod(y.shape[1:])
    few = max(n for n in range(1, len(x) + 1) if len(x) % n == 0 and (n == 1 or n * each <= _CACHED))

    def add(total: jax.Array, images: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        image, y = pad(images[0], how.frame), images[1]
        rows = shifted(image, 1, window[0], how.strides[0])
        taps = [tap for row in rows for tap in shifted(row, 2, window[1], how.strides[1])]
        product = partial(jnp.einsum, "bhwc,bhwf->cf", precision=how.precision, preferred_element_type=precise)
        return total + jnp.stack([product(tap, y) for tap in taps]), None

    zeros = jnp.zeros((math.prod(window), x.shape[-1], y.shape[-1]), precise)
    blocks = x.reshape(-1, few, *x.shape[1:]), y.reshape(-1, few, *y.shape[1:])
    total, _ = jax.lax.scan(add, zeros, blocks)
    return total.reshape(*window, *total.shape[1:]).astype(x.dtype)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolve_small(x: jax.Array, kernel: jax.Array, how: _How) -> jax.Array:
    return _native(x, kernel, how)


def _backward(how: _How, xk: tuple[jax.Array, jax.Array], y: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = xk
    (in_x,) = jax.linear_transpose(lambda x: _native(x, kernel, how), x)(y)
    products, own = (
        partial(form, window=pair(kernel.shape[:2]), how=how) for form in (_products, _kernel_gradient)
    )
    # For few pixels or channels XLA's own is as fast, and compiles faster.
    if y.shape[1] * y.shape[2] < 256 or kernel.shape[2] * kernel.shape[3] < 64:
        return in_x, own(x, y)
    return in_x, jax.lax.platform_dependent(x, y, cpu=products, default=own)


_convolve_small.defvjp(lambda x, k, how: (_native(x, k, how), (x, k)), _backward)


def _convolve(x: jax.Array, kernel: jax.Array, strides: Sequence[int], padding: Any, **how: Any) -> jax.Array:
    """`jax.lax.conv_general_dilated` as Flax calls it, images [B, H, W, C], kernel [kh, kw, C, features]."""
    window = tuple(kernel.shape[:-2])
    dilated = {*how["lhs_dilation"], *how["rhs_dilation"]} != {1}
    if len(window) != 2 or window[0] * window[1] > _TAPS or dilated or how["feature_group_count"] != 1:
        return jax.lax.conv_general_dilated(x, kernel, strides, padding, **how)
    if isinstance(padding, str):
        padding = jax.lax.padtype_to_pads(x.shape[1:3], window, strides, padding)
    rows, columns = (pair(side) for side in padding)
    for size, window_size, side in zip(x.shape[1:3], window, (rows, columns), strict=True):
        assert_room(size + sum(side), window_size)
    return _convolve_small(x, kernel, _How(pair(strides), (rows, columns), how["precision"]))


def convolve(x: jax.Array, kernel: jax.Array, strides: int = 1, padding: str = "SAME") -> jax.Array:
    """[B, H, W, C] -> [B, H', W', features] by a kernel [kh, kw, C, features] that is not just a parameter."""
    ones = (1, 1)
    how = {"lhs_dilation": ones, "rhs_dilation": ones, "feature_group_count": 1, "precision": None}
    return _convolve(x, kernel, pair(strides), padding, dimension_numbers=_DIMENSIONS, **how)


# Value and gradients are those of `nn.Conv`. On CPU XLA takes up to eighteen times as long for the gradient in the
# kernel as for the convolution itself, and up to three times as long for a 1×1 window and its gradients. Small
# windows have their own reverse rule, so they have no forward mode.
Conv = partial(nn.Conv, conv_general_dilated=_convolve)
