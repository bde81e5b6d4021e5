"""Receptive fields by gradients, to compare with those that `anatomy` reads from the program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.conv import Conv


class Stack(nn.Module):
    """3×3 convolutions of one feature, all weights 1: [B, H, W, 1] -> [B, H', W', 1].

    layers: (stride, rate of dilation) of each. No gradient cancels, so `gradient_support` finds the whole receptive
    field.
    """

    layers: Sequence[tuple[int, int]]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, "batch height width 1"))
        for stride, rate in self.layers:
            x = Conv(1, (3, 3), stride, kernel_dilation=rate, kernel_init=nn.initializers.ones)(x)
        return x


def receptive_fields(layers: Sequence[tuple[int, int]], side: int) -> list[np.ndarray]:
    """Where gradients arrive after each layer of a `Stack` on images of side × side: booleans [side, side]."""
    return [gradient_support(Stack(layers[: depth + 1]), (side, side, 1)) for depth in range(len(layers))]


def gradient_support(model: nn.Module, shape: tuple[int, int, int]) -> np.ndarray:
    """Where ∂ the middle unit's first feature / ∂ image is not zero, at a black image: [H, W] booleans.

    model: images [1, H, W, C] -> [1, H', W', features], at its initial weights; where these are all positive and
    the rest is linear, no gradient cancels. shape: (H, W, C).
    """
    image = jnp.zeros((1, *shape))
    variables = jax.jit(model.init)(jax.random.key(0), image)

    def middle(x: jax.Array) -> jax.Array:
        y: Any = model.apply(variables, x)
        assert_shapes(**{"model's output": (y, "1 height width features")})
        return y[0, y.shape[1] // 2, y.shape[2] // 2, 0]

    return (np.asarray(jax.jit(jax.grad(middle))(image))[0] != 0).any(-1)
