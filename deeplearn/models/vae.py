"""The two networks of a variational autoencoder (Kingma & Welling 2014, Auto-Encoding Variational Bayes)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.convolutional import ConvDecoder, ConvEncoder
from deeplearn.models.mlp import MLP
from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.functional import flat


class Likelihood(Protocol):
    """The interface of p(x|z); the likelihoods themselves are in `losses.likelihoods`, with shapes and units.

    parts: outputs of the decoder for each pixel.
    """

    @property
    def parts(self) -> int: ...

    def observe(self, grey: jax.Array, key: Callable[[], jax.Array]) -> jax.Array: ...

    def log_likelihood(self, outputs: jax.Array, x: jax.Array) -> jax.Array: ...

    def mean(self, outputs: jax.Array) -> jax.Array: ...


class VAE(nn.Module):
    """Encoder q(z|x), a diagonal Gaussian, and decoder p(x|z); x [batch, pixels], z [..., latents].

    shape: of an image, (height, width, channels), square for `conv`. hidden: widths of the encoder's hidden layers;
    the decoder has them in reverse. network: "dense" or "conv". features: channels of the first convolution.
    dropout: fraction of the decoder's hidden units dropped in training.
    """

    shape: tuple[int, int, int]
    latents: int
    hidden: tuple[int, ...]
    likelihood: Likelihood
    network: str = "dense"
    features: int = 32
    dropout: float = 0.0

    def setup(self) -> None:
        height, _, channels = self.shape
        parts = self.likelihood.parts
        if self.network == "conv":
            self.encoder: nn.Module = ConvEncoder(self.features, 2 * self.latents)
            self.decoder: nn.Module = ConvDecoder(self.features, height, channels * parts, self.dropout)
        else:
            self.encoder = MLP(self.hidden, 2 * self.latents)
            self.decoder = MLP(self.hidden[::-1], math.prod(self.shape) * parts, dropout=self.dropout)

    def observe(self, image: jax.Array) -> jax.Array:
        """Images [batch, *shape] in [0, 1] as the x that is modelled, [batch, pixels]."""
        assert_shapes(image=(image, "batch {} {} {}".format(*self.shape)))
        return self.likelihood.observe(flat(image), lambda: self.make_rng("noise"))

    def encode(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Mean and log-variance of q(z|x), [batch, latents] each."""
        assert_shapes(x=(x, f"batch {math.prod(self.shape)}"))
        x = 2 * x - 1
        if self.network == "conv":
            x = x.reshape(-1, *self.shape)
        mean, log_variance = jnp.split(self.encoder(x).astype(jnp.float32), 2, axis=-1)
        return mean, log_variance

    def decode(self, z: jax.Array, train: bool = False) -> jax.Array:
        """Parameters of p(x|z), [..., pixels · parts]: logits, for black and white images."""
        assert_shapes(z=(z, f"... {self.latents}"))
        outputs = self.decoder(z.reshape(-1, self.latents), train=train).astype(jnp.float32)
        return outputs.reshape(*z.shape[:-1], -1)

    def mean_image(self, z: jax.Array) -> jax.Array:
        """E[x|z] of z [batch, latents]: [batch, *shape]."""
        return self.likelihood.mean(self.decode(z)).reshape(-1, *self.shape)

    def reconstruct(self, image: jax.Array) -> jax.Array:
        """E[x|z] at the mean of q(z|x): images to images, [batch, *shape]."""
        return self.mean_image(self.encode(self.observe(image))[0])

    def sample(self, count: int) -> jax.Array:
        """Mean images of z ~ p(z), a standard Gaussian: [count, *shape]."""
        return self.mean_image(jax.random.normal(self.make_rng("noise"), (count, self.latents)))
