"""Convolution with a gate."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.windows import Padding


class GatedConv(nn.Module):
    """(x∗W + b) ∘ σ(x∗V + c), the gated linear unit (Dauphin et al. 2017, equation 1).

    [B, H, W, C] -> [B, H', W', features] with a kernel size of two, [B, T, C] -> [B, T', features] with one, where
    padding "CAUSAL" hides the future. Both convolutions are one, of 2·features outputs: values first, gates after.
    """

    features: int
    kernel_size: Sequence[int]
    strides: int | Sequence[int] = 1
    padding: Padding = "SAME"
    use_bias: bool = True
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES if len(self.kernel_size) == 2 else "batch time channels"))
        both = Conv(
            2 * self.features,
            self.kernel_size,
            self.strides,
            self.padding,
            use_bias=self.use_bias,
            dtype=self.dtype,
        )
        return nn.glu(both(x))
