"""Layers with an equalised learning rate (Karras et al. 2018, "Progressive growing", section 4.1).

Kernels start with unit variance and are scaled by √(1 / inputs) whenever they are used, not once when they start. A
rule such as Adam's, whose step does not depend on a gradient's size, then changes all layers at the same speed.
"""

from __future__ import annotations

import math

import flax.linen as nn
import jax

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import convolve


def fan_in_scale(kernel: jax.Array) -> float:
    """√(1 / inputs) of a kernel [..., features]."""
    return 1 / math.sqrt(math.prod(kernel.shape[:-1]))


class EqualizedDense(nn.Module):
    """x [..., inputs] -> [..., features].

    multiplier: by which this layer learns faster or slower: kernels start 1/multiplier as large, and kernels and
        biases are scaled by it, so that the layer starts as the same function.
    bias: its first value.
    """

    features: int
    multiplier: float = 1.0
    bias: float = 0.0

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, "... inputs"))
        start = nn.initializers.normal(1 / self.multiplier)
        kernel = self.param("kernel", start, (x.shape[-1], self.features))
        constant = nn.initializers.constant(self.bias / self.multiplier)
        bias = self.param("bias", constant, (self.features,))
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias)
        return x @ (kernel * (fan_in_scale(kernel) * self.multiplier)) + bias * self.multiplier


class EqualizedConv(nn.Module):
    """[B, H, W, C] -> [B, H', W', features] by a square window, 1 or 3 pixels wide."""

    features: int
    window: int = 3
    strides: int = 1
    padding: str = "SAME"
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        shape = (self.window, self.window, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.normal(1.0), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else None
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias)
        y = convolve(x, kernel * fan_in_scale(kernel), self.strides, self.padding)
        return y if bias is None else y + bias
