"""A caption as one vector and as a sequence: what a generator of pictures looks at."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.transformer import Encoder


class TextReader(nn.Module):
    """text, length [B] -> (vector [B, features], sequence [B, T, width], mask [B, T], true where a word is).

    text: tokens int32 [B, T], each of which has a vector that is learnt here; or states float32 [B, T, E] of a
        frozen encoder, which a dense layer takes to as many features.
    vocabulary: number of tokens. depth: transformer blocks that make the sequence of the words' vectors.
    features: of a word's vector, width unless given. first: standard deviation of tokens' vectors at first.

    The vector is the sum of the words' own, a bag of words: parts of a caption that were never seen together add
    up. A caption of length 0 is a vector of zeros and a mask of none.
    """

    vocabulary: int
    width: int = 128
    depth: int = 1
    heads: int = 4
    features: int | None = None
    first: float = 0.5

    @nn.compact
    def __call__(self, text: jax.Array, length: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        assert_shapes(text=(text, "batch time ..."), length=(length, "batch"))
        mask = jnp.arange(text.shape[1]) < length[:, None]
        if jnp.issubdtype(text.dtype, jnp.integer):
            normal = nn.initializers.normal(self.first)
            words = nn.Embed(self.vocabulary, self.features or self.width, embedding_init=normal)(text)
        else:
            # States of one text are alike: small, so that their sum is no larger than that of words' vectors of .5.
            small = nn.initializers.variance_scaling(1 / 16, "fan_in", "truncated_normal")
            words = nn.Dense(self.features or self.width, kernel_init=small)(text)
        words = jnp.where(mask[..., None], words, 0)
        vector = words.sum(1)
        if words.shape[-1] != self.width:
            words = nn.Dense(self.width, name="narrow")(words)
        encoder = Encoder(self.depth, self.heads, 2 * self.width, dropout=0.0, rotary=True)
        return vector, encoder(words, False, mask), mask
