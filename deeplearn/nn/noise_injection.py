"""Noise that is added to feature maps: details that no style has to describe (Karras et al. 2019, section 3.2)."""

from __future__ import annotations

import flax.linen as nn
import jax

from deeplearn.nn.checks import IMAGES, assert_shapes


class NoiseInjection(nn.Module):
    """x [B, H, W, C] -> x + strength · noise, one Gaussian number a pixel, the same in all maps of an image.

    The strength is learned from 0: one for each map (StyleGAN), or one for all (StyleGAN2).
    """

    each_map: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, key: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        strength = self.param("strength", nn.initializers.zeros, (x.shape[-1],) if self.each_map else ())
        return x + strength.astype(x.dtype) * jax.random.normal(key, (*x.shape[:3], 1), x.dtype)
