"""DALL·E 2's diffusion prior: the vector of a picture for a caption (Ramesh et al. 2022, section 2.2)."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.denoiser import level_features
from deeplearn.nn.checks import assert_integers, assert_shapes
from deeplearn.nn.positions import LearnedPositions
from deeplearn.nn.transformer import Decoder

LEVEL_FEATURES = 64  # sines and cosines of a noise level


class DiffusionPrior(nn.Module):
    """x [B, D], ratio [B], text_vector [B, D], tokens [B, T] int32 -> the unnoised x, [B, D].

    A causal transformer over the words, the text's vector, the noise level, the noised vector, and a query, whose
    output is the answer. Padding has a vector that is learned, as any other word.

    vocabulary: number of tokens. length: T. width, layers, heads: of the transformer.
    """

    vocabulary: int
    length: int
    width: int = 128
    layers: int = 3
    heads: int = 4

    @nn.compact
    def __call__(self, x: jax.Array, ratio: jax.Array, text_vector: jax.Array, tokens: jax.Array) -> jax.Array:
        assert_shapes(x=(x, "batch features"), text_vector=(text_vector, "batch features"), ratio=(ratio, "batch"))
        assert_shapes(tokens=(tokens, f"batch {self.length}"))
        assert_integers(tokens=tokens)
        query = self.param("query", nn.initializers.normal(0.02), (self.width,))
        singles = [
            nn.Dense(self.width, name="text_vector")(text_vector),
            nn.Dense(self.width, name="level")(level_features(ratio, LEVEL_FEATURES)),
            nn.Dense(self.width, name="noised")(x),
            jnp.broadcast_to(query, (len(x), self.width)),
        ]
        words = nn.Embed(self.vocabulary, self.width, name="words")(tokens)
        sequence = jnp.concatenate([words, jnp.stack(singles, 1)], axis=1)
        sequence = LearnedPositions(self.length + len(singles), name="positions")(sequence)
        decoder = Decoder(self.layers, self.heads, 4 * self.width, 0.0, activation="gelu", name="decoder")
        return nn.Dense(x.shape[-1], name="out")(decoder(sequence, False)[:, -1])
