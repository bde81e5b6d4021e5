"""The multilayer perceptron: y = f(Wx + b), layer by layer (Rumelhart, Hinton & Williams 1986)."""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax

from deeplearn.nn.checks import assert_shapes


class MLP(nn.Module):
    """Hidden layers of the given widths, then a linear layer to `outputs`. [batch, ...] -> [batch, outputs].

    Inputs of more than one axis are flattened. Dropout follows every hidden activation when `train` is set.
    """

    hidden: tuple[int, ...]
    outputs: int
    activation: Callable[[jax.Array], jax.Array] = nn.relu
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, "batch ..."))
        x = x.reshape(len(x), -1)
        for width in self.hidden:
            x = self.activation(nn.Dense(width, kernel_init=nn.initializers.he_normal())(x))
            x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return nn.Dense(self.outputs)(x)
