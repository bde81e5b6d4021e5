"""A small convolutional classifier of images of any size, whose hidden layer serves as features."""

from __future__ import annotations

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.conv import Conv
from deeplearn.nn.strided import HalvingConv

FEATURES = 128
COARSEST = 8  # pixels of the longer side at which halving ends


def halvings(height: int, width: int) -> int:
    """How often images are halved until no side is longer than 8 pixels; at least twice."""
    count = 2
    while max(height, width) > COARSEST * 2**count:
        count += 1
    return count


class SmallConvNet(nn.Module):
    """Images [batch, H, W, C] in [0, 1], any H, W and C -> logits [batch, classes], features [batch, 128].

    Halving convolutions in the manner of DCGAN's discriminator (Radford, Metz & Chintala 2015) with batch norm, a
    3×3 convolution, and a hidden dense layer: its activations after the ReLU are the features. Sides that cannot be
    halved as often as needed are padded with their outermost pixels. With train=True the batch's own statistics are
    used, and half of what enters each dense layer is dropped.
    """

    classes: int
    width: int = 32  # channels after the first halving; twice and four times as many after the next ones

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> tuple[jax.Array, jax.Array]:
        chex.assert_rank(x, 4)
        levels = halvings(*x.shape[1:3])
        missing = [-side % 2**levels for side in x.shape[1:3]]
        x = jnp.pad(x, ((0, 0), *((m // 2, m - m // 2) for m in missing), (0, 0)), mode="edge")
        for level in range(levels):
            x = HalvingConv(self.width * min(2**level, 4), use_bias=False)(x)
            x = nn.relu(BatchNorm()(x, train))
        x = nn.relu(BatchNorm()(Conv(x.shape[-1], (3, 3), use_bias=False)(x), train))
        x = nn.Dropout(0.5, deterministic=not train)(x.reshape(len(x), -1))
        features = nn.relu(nn.Dense(FEATURES)(x))
        return nn.Dense(self.classes)(nn.Dropout(0.5, deterministic=not train)(features)), features
