"""Modulated convolution: each example is convolved with its own kernel (Karras et al. 2020, section 2.2)."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import convolve
from deeplearn.nn.doubling import doubling_convolution
from deeplearn.nn.equalized import EqualizedDense, fan_in_scale


def modulated_convolution(
    x: jax.Array, style: jax.Array, kernel: jax.Array, demodulate: bool = True, double: bool = False
) -> jax.Array:
    """x [B, H, W, C], style [B, C], kernel [k, k, C, features] -> [B, H, W, features].

    The kernel of an example is s_c · k_{abcf} (equation 1), divided by its norm over a, b and c where it is
    demodulated (equation 3). A convolution is linear, so the style may scale its input instead, and the norm its
    output: one kernel for all examples, which is many times as fast on CPU as a group for each.
    double: by `doubling_convolution` instead: [B, 2H, 2W, features].
    """
    assert_shapes(x=(x, IMAGES), style=(style, "batch channels"))
    scaled = x * style[:, None, None]
    y = doubling_convolution(scaled, kernel) if double else convolve(scaled, kernel)
    if not demodulate:
        return y
    squares = jnp.square(style) @ jnp.square(kernel).sum((0, 1))
    return y * jax.lax.rsqrt(squares + 1e-8)[:, None, None]


class ModulatedConv(nn.Module):
    """x [B, H, W, C], w [B, latents] -> [B, H, W, features], or twice the side; the style is affine in w."""

    features: int
    window: int = 3
    demodulate: bool = True
    double: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, w: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES), w=(w, "batch latents"))
        style = EqualizedDense(x.shape[-1], bias=1.0)(w)
        shape = (self.window, self.window, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.normal(1.0), shape)
        x, style, kernel = nn.dtypes.promote_dtype(x, style, kernel)
        return modulated_convolution(x, style, kernel * fan_in_scale(kernel), self.demodulate, self.double)
