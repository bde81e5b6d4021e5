"""A generator of dense layers, the cheapest for small images."""

from __future__ import annotations

import flax.linen as nn
import jax
import numpy as np

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import assert_shapes


class DenseGenerator(nn.Module):
    """Noise [batch, latents] -> images [batch, *shape] in [0, 1]; batch norm and ReLU after each hidden layer."""

    shape: tuple[int, ...]
    hidden: tuple[int, ...]

    @nn.compact
    def __call__(self, z: jax.Array, train: bool) -> jax.Array:
        assert_shapes(z=(z, "batch latents"))
        x = z
        for width in self.hidden:
            # Long averages: samples are drawn with them, long after the learning rate has fallen.
            x = nn.relu(BatchNorm(momentum=0.99)(nn.Dense(width, use_bias=False)(x), train))
        return nn.sigmoid(nn.Dense(int(np.prod(self.shape)))(x)).reshape(-1, *self.shape)
