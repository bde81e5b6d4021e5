"""Transposed convolution, written to be fast on CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.windows import Pair, pair

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")


class _Geometry(NamedTuple):
    strides: Pair
    padding: Pair
    output_padding: Pair


def _native(x: jax.Array, kernel: jax.Array, how: _Geometry) -> jax.Array:
    """The gradient's form: zeros between the pixels, the kernel flipped."""
    sides = zip(kernel.shape, how.padding, how.output_padding, strict=False)
    frame = [(k - 1 - p, k - 1 - p + extra) for k, p, extra in sides]
    return jax.lax.conv_general_dilated(
        x, kernel[::-1, ::-1], (1, 1), frame, lhs_dilation=how.strides, dimension_numbers=_DIMENSIONS
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _subpixel(x: jax.Array, kernel: jax.Array, how: _Geometry) -> jax.Array:
    """The same sums without the zeros: each of the stride's phases is a small convolution (Shi et al. 2016).

    Output pixel s·m + r is the sum over t of x[m − t] · kernel[s·t + r]: an ordinary convolution whose channels are
    (r, feature), laid out as pixels afterwards and cropped.
    """
    (high, wide, channels, features), (down, across) = kernel.shape, how.strides
    rows, columns = math.ceil(high / down), math.ceil(wide / across)
    kernel = jnp.pad(kernel, ((0, rows * down - high), (0, columns * across - wide), (0, 0), (0, 0)))
    kernel = kernel.reshape(rows, down, columns, across, channels, features).transpose(0, 2, 4, 1, 3, 5)
    kernel = kernel.reshape(rows, columns, channels, -1)[::-1, ::-1]
    frame = [(rows - 1, rows - 1), (columns - 1, columns - 1)]
    y = jax.lax.conv_general_dilated(x, kernel, (1, 1), frame, dimension_numbers=_DIMENSIONS)
    batch, height, width, _ = y.shape
    y = y.reshape(batch, height, width, down, across, features).transpose(0, 1, 3, 2, 4, 5)
    y = y.reshape(batch, height * down, width * across, features)
    sides = zip(x.shape[1:3], (high, wide), y.shape[1:3], *how, strict=True)
    crop = [(-p, (n - 1) * stride + k - p + extra - made, 0) for n, k, made, stride, p, extra in sides]
    return jax.lax.pad(y, np.zeros((), y.dtype), [(0, 0, 0), *crop, (0, 0, 0)])


def _strided_conv(y: jax.Array, kernel: jax.Array, how: _Geometry) -> jax.Array:
    frame = [(p, p - extra) for p, extra in zip(how.padding, how.output_padding, strict=True)]
    return jax.lax.conv_general_dilated(y, kernel.swapaxes(2, 3), how.strides, frame, dimension_numbers=_DIMENSIONS)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _strided(y: jax.Array, kernel: jax.Array, how: _Geometry) -> jax.Array:
    """The convolution of which it is the transpose: from its output back to its input."""
    return _strided_conv(y, kernel, how)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _inner(x: jax.Array, y: jax.Array, window: Pair, how: _Geometry) -> jax.Array:
    """The gradient of both in their kernel [kh, kw, C, features]."""
    kernel = jax.ShapeDtypeStruct((*window, x.shape[-1], y.shape[-1]), x.dtype)
    (products,) = jax.linear_transpose(lambda k: _strided_conv(y, k, how), kernel)(x)
    return products


# All three are bilinear, and ⟨y, subpixel(x, k)⟩ = ⟨x, strided(y, k)⟩ = ⟨k, inner(x, y)⟩: the gradients of each are
# the other two. JAX would differentiate the small convolution in its kernel, which is many times
# slower.
_subpixel.defvjp(
    lambda x, k, how: (_subpixel(x, k, how), (x, k)),
    lambda how, xk, y: (_strided(y, xk[1], how), _inner(xk[0], y, xk[1].shape[:2], how)),
)
_strided.defvjp(
    lambda y, k, how: (_strided(y, k, how), (y, k)),
    lambda how, yk, x: (_subpixel(x, yk[1], how), _inner(x, yk[0], yk[1].shape[:2], how)),
)
_inner.defvjp(
    lambda x, y, window, how: (_inner(x, y, window, how), (x, y)),
    lambda window, how, xy, k: (_strided(xy[1], k, how), _subpixel(xy[0], k, how)),
)


def transposed_convolution(
    x: jax.Array,
    kernel: jax.Array,
    strides: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
) -> jax.Array:
    """What `TransposedConv` computes, with a kernel [kh, kw, C, features] that is not just a parameter."""
    how = _Geometry(pair(strides), pair(padding), pair(output_padding))
    forms = {"cpu": partial(_subpixel, how=how), "default": partial(_native, how=how)}
    y: jax.Array = jax.lax.platform_dependent(x, kernel, **forms)
    return y


class TransposedConv(nn.Module):
    """The transpose of a strided convolution, by the rules of torch's `ConvTranspose2d` (Dumoulin & Visin 2016, 4).

    [B, H, W, C] -> [B, (H − 1)·stride − 2·padding + kernel + output_padding, …, features]. Entry (a, b) of `kernel`
    [kh, kw, C, features] takes pixel (i, j) to pixel (stride·i + a − padding, …): torch's weight with its axes in
    the order (2, 3, 0, 1). Kernels start so that outputs have their inputs' variance (LeCun's rule, counting that
    an output pixel meets only kh·kw/stride² entries). On CPU a convolution with its channels laid out as pixels,
    elsewhere the native operation: equal in value and gradient.
    """

    features: int
    kernel_size: int | Sequence[int]
    strides: int | Sequence[int] = 1
    padding: int | Sequence[int] = 0
    output_padding: int | Sequence[int] = 0
    use_bias: bool = True
    dtype: jnp.dtype | None = None
    kernel_init: nn.initializers.Initializer | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        strides = pair(self.strides)
        lecun = nn.initializers.variance_scaling(math.prod(strides), "fan_in", "truncated_normal")
        init = self.kernel_init or lecun
        kernel = self.param("kernel", init, (*pair(self.kernel_size), x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else None
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        y = transposed_convolution(x, kernel, strides, self.padding, self.output_padding)
        return y if bias is None else y + bias
