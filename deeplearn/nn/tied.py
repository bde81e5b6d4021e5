"""An autoencoder whose decoder is the encoder's transpose."""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax

from deeplearn.nn.checks import assert_shapes


def identity(x: jax.Array) -> jax.Array:
    """The activation of a linear layer."""
    return x


class TiedAutoencoder(nn.Module):
    """Layers of the given widths, and back through the same matrices transposed (Vincent et al. 2010, section 2.2).

    `activation` is that of the layers between, `code_activation` that of the last.
    x [batch, inputs] -> (code [batch, hidden[-1]], logits of the reconstruction [batch, inputs]).
    """

    inputs: int
    hidden: tuple[int, ...]
    activation: Callable[[jax.Array], jax.Array] = nn.sigmoid
    code_activation: Callable[[jax.Array], jax.Array] = nn.sigmoid

    def setup(self) -> None:
        widths = (self.inputs, *self.hidden)
        glorot, zeros = nn.initializers.glorot_uniform(), nn.initializers.zeros
        layers = range(len(self.hidden))
        self.kernels = [self.param(f"kernel_{i}", glorot, (widths[i], widths[i + 1])) for i in layers]
        self.biases = [self.param(f"bias_{i}", zeros, (widths[i + 1],)) for i in layers]
        self.visible_biases = [self.param(f"visible_bias_{i}", zeros, (widths[i],)) for i in layers]

    def encode(self, x: jax.Array) -> jax.Array:
        """[..., inputs] -> [..., hidden[-1]]."""
        assert_shapes(x=(x, f"... {self.inputs}"))
        activations = [self.activation] * (len(self.hidden) - 1) + [self.code_activation]
        for kernel, bias, activation in zip(self.kernels, self.biases, activations, strict=True):
            x = activation(x @ kernel + bias)
        return x

    def decode(self, code: jax.Array) -> jax.Array:
        """[..., hidden[-1]] -> [..., inputs], logits."""
        assert_shapes(code=(code, f"... {self.hidden[-1]}"))
        h = code
        for i in reversed(range(len(self.hidden))):
            h = h @ self.kernels[i].T + self.visible_biases[i]
            h = self.activation(h) if i else h
        return h

    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        assert_shapes(x=(x, f"batch {self.inputs}"))
        code = self.encode(x)
        return code, self.decode(code)
