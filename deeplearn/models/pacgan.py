"""Generator and discriminator of points, as the released code of PacGAN has them (Lin et al. 2018, section 4.1).

All kernels are drawn from N(0, .02²), all biases are 0.
"""

from __future__ import annotations

from functools import partial

import flax.linen as nn
import jax

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.minibatch_stddev import minibatch_stddev

Dense = partial(nn.Dense, kernel_init=nn.initializers.normal(0.02))


class NormedMLP(nn.Module):
    """Noise [batch, latents] -> points [batch, outputs]; batch norm and ReLU after each hidden layer."""

    hidden: tuple[int, ...]
    outputs: int

    @nn.compact
    def __call__(self, z: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(z=(z, "batch latents"))
        for width in self.hidden:
            z = nn.relu(BatchNorm(momentum=0.95)(Dense(width, use_bias=False)(z), train))
        return Dense(self.outputs)(z)


class MaxoutCritic(nn.Module):
    """Points or packs of them [batch, features] -> logits [batch]: a unit is the largest of `pieces` linear ones.

    (Goodfellow et al. 2013, "Maxout networks".)
    """

    hidden: tuple[int, ...]
    pieces: int = 5
    minibatch_stddev: bool = False  # before the last layer; the paper has none

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, "batch features"))
        for width in self.hidden:
            x = Dense(width * self.pieces)(x).reshape(len(x), width, self.pieces).max(-1)
        x = minibatch_stddev(x) if self.minibatch_stddev else x
        return Dense(1)(x).squeeze(-1)
