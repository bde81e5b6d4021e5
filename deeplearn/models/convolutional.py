"""The two halves of a convolutional autoencoder: images to a vector, and a vector to images.

Both work on squares of 4·2ⁿ or 7·2ⁿ pixels (8, 16, 28, 32, 56, 64 …). There is no normalisation.
"""

from __future__ import annotations

import flax.linen as nn
import jax

from deeplearn.models.dcgan import doublings
from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.strided import HalvingConv
from deeplearn.nn.transposed import TransposedConv


class ConvEncoder(nn.Module):
    """Images [batch, side, side, channels] -> [batch, outputs]: halving convolutions down to 4 or 7 pixels."""

    features: int  # of the first layer; doubled at each halving
    outputs: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, "batch side side channels"))
        _, count = doublings(x.shape[1])
        x = nn.relu(Conv(self.features, (3, 3))(x))
        for level in range(1, count + 1):
            x = nn.relu(HalvingConv(self.features * 2**level)(x))
        x = nn.relu(nn.Dense(4 * self.features)(x.reshape(len(x), -1)))
        return nn.Dense(self.outputs)(x)


class ConvDecoder(nn.Module):
    """Codes [batch, latents] -> [batch, side, side, channels], linear at its end: the encoder's mirror."""

    features: int
    side: int
    channels: int
    dropout: float = 0.0  # after the dense layers, when `train` is set

    @nn.compact
    def __call__(self, z: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(z=(z, "batch latents"))
        start, count = doublings(self.side)
        width = self.features * 2**count
        x = nn.relu(nn.Dense(4 * self.features)(z))
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        x = nn.relu(nn.Dense(start * start * width)(x))
        x = nn.Dropout(self.dropout, deterministic=not train)(x).reshape(-1, start, start, width)
        for level in reversed(range(count)):
            x = nn.relu(TransposedConv(self.features * 2**level, 4, 2, 1)(x))
        return Conv(self.channels, (3, 3))(x)
