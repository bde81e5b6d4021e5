"""A variational autoencoder whose code is stochastic bits (Mnih & Gregor 2014, section 5.1, with one layer)."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.mlp import MLP
from deeplearn.nn.checks import assert_shapes


class BernoulliVAE(nn.Module):
    """Encoder q(h|x), prior p(h) with learned probabilities, decoder p(x|h): all independent bits.

    x [batch, pixels] in {0, 1}; h [..., latents] in {0, 1}. hidden: widths of the encoder's hidden layers; the
    decoder has them in reverse. `prior`: the logits of p(h), [latents].
    """

    pixels: int
    latents: int
    hidden: tuple[int, ...]

    def setup(self) -> None:
        self.encoder = MLP(self.hidden, self.latents)
        self.decoder = MLP(self.hidden[::-1], self.pixels)
        self.prior = self.param("prior", nn.initializers.zeros, (self.latents,))

    def encode(self, x: jax.Array) -> jax.Array:
        """Logits of q(h|x), [batch, latents]."""
        assert_shapes(x=(x, f"batch {self.pixels}"))
        return self.encoder(2 * x - 1).astype(jnp.float32)

    def decode(self, h: jax.Array) -> jax.Array:
        """Logits of p(x|h), [..., pixels]."""
        assert_shapes(h=(h, f"... {self.latents}"))
        return self.decoder(h.reshape(-1, self.latents)).astype(jnp.float32).reshape(*h.shape[:-1], self.pixels)
