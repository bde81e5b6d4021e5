"""Normalisation of each channel of each image by itself."""

from __future__ import annotations

import flax.linen as nn
import jax

from deeplearn.nn.checks import IMAGES, assert_shapes


class InstanceNorm(nn.Module):
    """Images [B, H, W, C] with mean 0 and variance 1 over each one's pixels, channel by channel.

    Ulyanov et al. 2016: what batch norm is with a single image. affine: a learned scale and bias for each channel
    follow.
    """

    affine: bool = False
    epsilon: float = 1e-5  # added to the variance

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        return nn.InstanceNorm(epsilon=self.epsilon, use_scale=self.affine, use_bias=self.affine)(x)
