"""Convolutional generator and critic in the manner of DCGAN (Radford, Metz & Chintala 2015).

Both work on 4·2ⁿ- or 7·2ⁿ-pixel squares (8, 16, 28, 32, 64 …).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax

from deeplearn.errors import UserError
from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.minibatch_stddev import minibatch_stddev
from deeplearn.nn.strided import HalvingConv
from deeplearn.nn.transposed import TransposedConv

HIDDEN = (512, 512)  # of the dense layers, which cost little compared with the convolutions


def initially(std: float | None) -> dict[str, Any]:
    """The `kernel_init` of a layer: N(0, std²), or for None the layer's own."""
    return {} if std is None else {"kernel_init": nn.initializers.normal(std)}


def doublings(side: int) -> tuple[int, int]:
    """(start, n) with side = start · 2ⁿ, start 4 or 7; UserError for other sizes."""
    for start in (4, 7):
        size, count = start, 0
        while size < side:
            size, count = 2 * size, count + 1
        if size == side and count:
            return start, count
    raise UserError(f"images of {side} pixels: this network makes 8, 14, 16, 28, 32, 56, 64 … pixels a side")


class Generator(nn.Module):
    """Noise [batch, latents] -> images [batch, side, side, channels] in [0, 1].

    Dense layers and a reshape, then transposed convolutions that halve the features; batch norm and ReLU
    between. The paper's network has no `hidden` layers, and all kernels start from N(0, .02²). Its tanh, for images
    in [−1, 1], is this sigmoid of twice the argument.
    """

    side: int
    channels: int
    features: int = 32  # before the last layer
    hidden: tuple[int, ...] = HIDDEN  # widths of dense layers before that of the first pixels
    std: float | None = None  # of the kernels at the start (None: LeCun's rule)

    @nn.compact
    def __call__(self, z: jax.Array, train: bool) -> jax.Array:
        assert_shapes(z=(z, "batch latents"))
        start, count = doublings(self.side)
        width = self.features * 2 ** (count - 1)
        x, init = z, initially(self.std)
        for units in self.hidden:
            x = nn.relu(BatchNorm()(nn.Dense(units, use_bias=False, **init)(x), train))
        # Of a single pixel the transposed convolution, which the paper draws here, is a dense layer.
        x = nn.Dense(start * start * width, use_bias=False, **init)(x).reshape(-1, start, start, width)
        x = nn.relu(BatchNorm()(x, train))
        for level in reversed(range(count - 1)):
            x = TransposedConv(self.features * 2**level, 4, 2, 1, use_bias=False, **init)(x)
            x = nn.relu(BatchNorm()(x, train))
        return nn.sigmoid(TransposedConv(self.channels, 4, 2, 1, **init)(x))


class Critic(nn.Module):
    """Images [batch, side, side, channels] -> scores [batch]: halving convolutions and leaky ReLU.

    Without `head` it ends with its last hidden layer, [batch, 512], or without `hidden` ones its last convolution.

    The hidden dense layers see the whole image; without them, as in the paper, the score is a sum over patches.
    There is no normalisation, because a gradient penalty needs each example's own gradient; `batch_norm` is
    DCGAN's, after each convolution but the first. minibatch_stddev: see `deeplearn.nn.minibatch_stddev`, before the
    dense layers.
    """

    features: int = 32  # after the first layer
    batch_norm: bool = False
    minibatch_stddev: bool = False
    head: bool = True
    hidden: tuple[int, ...] = HIDDEN
    std: float | None = None  # of the kernels at the start (None: LeCun's rule)

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, "batch side side channels"))
        _, count = doublings(x.shape[1])
        init = initially(self.std)
        for level in range(count):
            normed = self.batch_norm and level > 0
            x = HalvingConv(self.features * 2**level, use_bias=not normed, **init)(x)
            x = nn.leaky_relu(BatchNorm()(x, train) if normed else x, 0.2)
        x = minibatch_stddev(x) if self.minibatch_stddev else x
        x = x.reshape(len(x), -1)
        for units in self.hidden:
            x = nn.leaky_relu(nn.Dense(units, **init)(x), 0.2)
        return nn.Dense(1, **init)(x).squeeze(-1) if self.head else x


class DenseCritic(nn.Module):
    """Examples [batch, ...] -> scores [batch]: dense layers, without any normalisation.

    Without `head` it ends with its last hidden layer.
    """

    hidden: tuple[int, ...]
    activation: Callable[[jax.Array], jax.Array] = nn.relu
    minibatch_stddev: bool = False  # before the last layer
    head: bool = True

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, "batch ..."))
        x = x.reshape(len(x), -1)
        for width in self.hidden:
            x = self.activation(nn.Dense(width, kernel_init=nn.initializers.he_normal())(x))
        x = minibatch_stddev(x) if self.minibatch_stddev else x
        return nn.Dense(1)(x).squeeze(-1) if self.head else x
