"""The deep autoencoder: dense layers to a narrow code, and mirrored layers back (Hinton & Salakhutdinov 2006)."""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.mlp import MLP
from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.tied import TiedAutoencoder, identity


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


def autoencoder(inputs: int, hidden: tuple[int, ...], tied: bool = False) -> Autoencoder | TiedAutoencoder:
    """Layers of widths `hidden` with ReLU, the last of them the linear code, and back.

    tied: the decoder's matrices are the encoder's, transposed.
    """
    if tied:
        return TiedAutoencoder(inputs, hidden, activation=nn.relu, code_activation=identity)
    return Autoencoder(inputs, hidden)


# Functions for `Trained` of both autoencoders, whose outputs are the logits of pixels in [0, 1].


def encode(autoencoder: Autoencoder | TiedAutoencoder, x: jax.Array) -> jax.Array:
    """Flat images [batch, inputs] to codes [batch, code], float32."""
    return autoencoder.encode(x).astype(jnp.float32)


def decode(autoencoder: Autoencoder | TiedAutoencoder, code: jax.Array) -> jax.Array:
    """Codes [batch, code] to flat images [batch, inputs] in (0, 1), float32."""
    return jax.nn.sigmoid(autoencoder.decode(code).astype(jnp.float32))


def reconstruct(autoencoder: Autoencoder | TiedAutoencoder, x: jax.Array) -> jax.Array:
    """Flat images [batch, inputs] to their reconstructions [batch, inputs] in (0, 1), float32."""
    return jax.nn.sigmoid(autoencoder(x)[1].astype(jnp.float32))


class RectifiedLayer(nn.Module):
    """One layer and its decoder: x [batch, inputs] -> max(Wᵀx + b, 0) [batch, width] -> W h + c [batch, inputs].

    Stacks that are trained layer by layer are made of these (Vincent et al. 2010, section 3).
    """

    inputs: int
    width: int

    def setup(self) -> None:
        self.kernel = self.param("kernel", nn.initializers.glorot_uniform(), (self.inputs, self.width))
        self.hidden_bias = self.param("hidden_bias", nn.initializers.zeros, (self.width,))
        self.visible_bias = self.param("visible_bias", nn.initializers.zeros, (self.inputs,))

    def encode(self, x: jax.Array) -> jax.Array:
        """[batch, inputs] -> [batch, width]."""
        assert_shapes(x=(x, f"batch {self.inputs}"))
        return nn.relu(x @ self.kernel + self.hidden_bias)

    def decode(self, code: jax.Array) -> jax.Array:
        """[batch, width] -> [batch, inputs]."""
        assert_shapes(code=(code, f"batch {self.width}"))
        return code @ self.kernel.T + self.visible_bias
