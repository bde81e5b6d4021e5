"""Convolutions whose kernel is a product: of space and channels, or of height and width."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.depthwise import DepthwiseConv
from deeplearn.nn.windows import Padding


class SeparableConv(nn.Module):
    """Depthwise, then pointwise, nothing in between (Chollet 2017): [B, H, W, C] -> [B, H', W', features]."""

    features: int
    kernel_size: int | Sequence[int]
    strides: int | Sequence[int] = 1
    padding: Padding = "SAME"
    multiplier: int = 1
    use_bias: bool = True
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        depthwise = DepthwiseConv(
            self.kernel_size, self.strides, self.padding, self.multiplier, use_bias=False, dtype=self.dtype
        )
        return nn.Dense(self.features, self.use_bias, dtype=self.dtype, name="pointwise")(
            depthwise.copy(name="depthwise")(x)
        )


class SpatiallySeparableConv(nn.Module):
    """k×1, then 1×k, nothing in between (Szegedy et al. 2016, 3.2): [B, H, W, C] -> [B, H', W', features].

    The whole is a convolution whose k×k kernels have rank `features` at most.
    """

    features: int
    kernel_size: int
    strides: int = 1
    use_bias: bool = True
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        k, stride = self.kernel_size, self.strides
        x = Conv(self.features, (k, 1), (stride, 1), use_bias=False, dtype=self.dtype, name="vertical")(x)
        return Conv(
            self.features, (1, k), (1, stride), use_bias=self.use_bias, dtype=self.dtype, name="horizontal"
        )(x)
