"""Convolution with computed filters, not learned ones: each example, or each pixel, has its own."""

from __future__ import annotations

import math
from functools import reduce

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.windows import pad, shifted, windows


def _taps(x: jax.Array, height: int, width: int) -> list[jax.Array]:
    x = pad(x, windows(x.shape, (height, width), padding="SAME").frame)
    return [tap for row in shifted(x, 1, height) for tap in shifted(row, 2, width)]


def _products(x: jax.Array, filters: jax.Array) -> jax.Array:
    """One batched matrix product over all taps."""
    batch, height, width, channels, features = filters.shape
    taps = jnp.concatenate(_taps(x, height, width), axis=-1)
    return jnp.einsum("bhwk,bkf->bhwf", taps, filters.reshape(batch, height * width * channels, features))


def _grouped(x: jax.Array, filters: jax.Array) -> jax.Array:
    """One convolution with a group for each example."""
    batch, height, width, channels, features = filters.shape
    rows, columns = x.shape[1:3]
    y = jax.lax.conv_general_dilated(
        x.transpose(1, 2, 0, 3).reshape(1, rows, columns, batch * channels),
        filters.transpose(1, 2, 3, 0, 4).reshape(height, width, channels, batch * features),
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=batch,
    )
    return y.reshape(rows, columns, batch, features).transpose(2, 0, 1, 3)


def dynamic_conv(x: jax.Array, filters: jax.Array) -> jax.Array:
    """Each example convolved with its own filters, stride 1, "SAME" (De Brabandere et al. 2016, section 3.2).

    [B, H, W, C] and filters [B, kh, kw, C, features] -> [B, H, W, features]. On CPU a batched matrix product of
    shifted images, elsewhere a grouped convolution: equal in value and gradient.
    """
    assert_shapes(x=(x, IMAGES), filters=(filters, "batch rows columns channels features"))
    return jax.lax.platform_dependent(x, filters, cpu=_products, default=_grouped)


def dynamic_local_filter(x: jax.Array, filters: jax.Array) -> jax.Array:
    """Each pixel's neighbourhood weighted by its own filter, the same for all channels (section 3.2, local form).

    [B, H, W, C] and filters [B, H, W, kh, kw] -> [B, H, W, C].
    """
    assert_shapes(x=(x, IMAGES), filters=(filters, "batch height width rows columns"))
    height, width = filters.shape[3:]
    weights = filters.reshape(*filters.shape[:3], height * width)
    taps = _taps(x, height, width)
    return reduce(jnp.add, (weights[..., k, None] * tap for k, tap in enumerate(taps)))


class DynamicFilters(nn.Module):
    """Filters for each example, made by a dense layer from the means of its features: `dynamic_conv` with them.

    [B, H, W, C] -> [B, H, W, features].
    """

    features: int
    kernel_size: tuple[int, int]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        shape = (*self.kernel_size, x.shape[-1], self.features)
        filters = nn.Dense(math.prod(shape))(x.mean((1, 2)))
        return dynamic_conv(x, filters.reshape(-1, *shape))
