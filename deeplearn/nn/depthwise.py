"""Convolution of each channel separately, written to be fast on CPU."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.windows import Padding, Pair, Windows, pad, shifted, windows


def _native(x: jax.Array, kernel: jax.Array, how: Windows) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        how.strides,
        how.frame,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _correlate(image: jax.Array, weights: jax.Array, strides: Pair) -> jax.Array:
    """[B, H, W, C], [kh, kw, C] -> [B, H', W', C]: a multiply-add of a shifted image for each entry."""
    taps = _taps(image, weights.shape[:2], strides)
    return reduce(jnp.add, map(jnp.multiply, taps, weights.reshape(len(taps), -1)))


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _inner(image: jax.Array, y: jax.Array, window: Pair, strides: Pair) -> jax.Array:
    """Inner products [kh, kw, C] of each shifted image with y [B, H', W', C], in one pass over them."""
    products = [tap * y for tap in _taps(image, window, strides)]
    zeros = [np.zeros((), image.dtype)] * len(products)
    sums = jax.lax.reduce(products, zeros, lambda one, other: list(map(jnp.add, one, other)), (1, 2))
    return jnp.stack([one.sum(0) for one in sums]).reshape(*window, -1)


def _spread(y: jax.Array, weights: jax.Array, strides: Pair, size: Sequence[int]) -> jax.Array:
    """The transpose of `_correlate` in an image of `size`: the flipped window over y with zeros between."""
    frame = [
        (k - 1, n - 1 - stride * (count - 1), stride - 1)
        for k, n, stride, count in zip(weights.shape, size, strides, y.shape[1:3], strict=False)
    ]
    y = jax.lax.pad(y, np.zeros((), y.dtype), [(0, 0, 0), *frame, (0, 0, 0)])
    return _correlate(y, weights[::-1, ::-1], (1, 1))


def _taps(image: jax.Array, window: Sequence[int], strides: Pair) -> list[jax.Array]:
    rows = shifted(image, 1, window[0], strides[0])
    return [tap for row in rows for tap in shifted(row, 2, window[1], strides[1])]


# Both are bilinear, and ⟨y, correlate(x, k)⟩ = ⟨k, inner(x, y)⟩ = ⟨x, spread(y, k)⟩, so the gradients of each are
# the other two. JAX's own derivative sums each tap's products in a separate pass, which takes four times as long.
_correlate.defvjp(
    lambda x, k, strides: (_correlate(x, k, strides), (x, k)),
    lambda strides, xk, y: (
        _spread(y, xk[1], strides, xk[0].shape[1:3]),
        _inner(xk[0], y, xk[1].shape[:2], strides),
    ),
)
_inner.defvjp(
    lambda x, y, window, strides: (_inner(x, y, window, strides), (x, y)),
    lambda window, strides, xy, k: (_spread(xy[1], k, strides, xy[0].shape[1:3]), _correlate(xy[0], k, strides)),
)


def _shifts(x: jax.Array, kernel: jax.Array, how: Windows) -> jax.Array:
    """The same sums as shifted multiply-adds."""
    precise = jnp.promote_types(x.dtype, jnp.float32)  # sums in bfloat16 would be rounded at every tap
    image = jnp.repeat(pad(x.astype(precise), how.frame), kernel.shape[-1] // x.shape[-1], axis=-1)
    return _correlate(image, kernel[:, :, 0].astype(precise), how.strides).astype(x.dtype)


class DepthwiseConv(nn.Module):
    """Convolution of each channel with `multiplier` filters of its own (Howard et al. 2017, equation 3).

    [B, H, W, C] -> [B, H', W', C·multiplier], feature m of channel c at c·multiplier + m; parameters `kernel`
    [kh, kw, 1, C·multiplier] and `bias`. Padding as in `GroupedConv`. Shifted multiply-adds on CPU, elsewhere the
    native convolution: equal in value and gradient.
    """

    kernel_size: int | Sequence[int]
    strides: int | Sequence[int] = 1
    padding: Padding = "SAME"
    multiplier: int = 1
    use_bias: bool = True
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        features = x.shape[-1] * self.multiplier
        how = windows(x.shape, self.kernel_size, self.strides, self.padding)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (*how.size, 1, features))
        bias = self.param("bias", nn.initializers.zeros, (features,)) if self.use_bias else None
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        shifts, native = partial(_shifts, how=how), partial(_native, how=how)
        y = jax.lax.platform_dependent(x, kernel, cpu=shifts, default=native)
        return y if bias is None else y + bias
