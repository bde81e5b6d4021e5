"""The deep autoencoder: dense layers to a narrow code, and their mirror back (Hinton & Salakhutdinov 2006)."""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax

from deeplearn.models.mlp import MLP
from deeplearn.nn.checks import assert_shapes


class Autoencoder(nn.Module):
    """Layers of widths `hidden`, the last of which is the code, and back. The code is linear, as is the output.

    x [batch, inputs] -> (code [batch, hidden[-1]], reconstruction or its logits [batch, inputs]).
    """

    inputs: int
    hidden: tuple[int, ...]
    activation: Callable[[jax.Array], jax.Array] = nn.relu

    def setup(self) -> None:
        *between, code = self.hidden
        self.encoder = MLP(tuple(between), code, self.activation)
        self.decoder = MLP(tuple(between[::-1]), self.inputs, self.activation)

    def encode(self, x: jax.Array) -> jax.Array:
        """[batch, inputs] -> [batch, hidden[-1]]."""
        assert_shapes(x=(x, f"batch {self.inputs}"))
        return self.encoder(x)

    def decode(self, code: jax.Array) -> jax.Array:
        """[batch, hidden[-1]] -> [batch, inputs]."""
        assert_shapes(code=(code, f"batch {self.hidden[-1]}"))
        return self.decoder(code)

    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        code = self.encode(x)
        return code, self.decode(code)
