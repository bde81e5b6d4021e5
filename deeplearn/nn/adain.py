"""Adaptive instance normalisation: a style sets mean and deviation of each feature map of each image."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.equalized import EqualizedDense
from deeplearn.nn.instance_norm import InstanceNorm


class AdaIN(nn.Module):
    """x [B, H, W, C], w [B, latents] -> (1 + s) · norm(x) + b, affine in w (Karras et al. 2019, equation 1)."""

    @nn.compact
    def __call__(self, x: jax.Array, w: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES), w=(w, "batch latents"))
        style = EqualizedDense(2 * x.shape[-1])(w)[:, None, None]
        scale, shift = jnp.split(style, 2, axis=-1)
        return (1 + scale) * InstanceNorm(epsilon=1e-8)(x) + shift
