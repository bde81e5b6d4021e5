"""CLIP's text encoder: a causal transformer, read at the end token and projected (Radford et al. 2021, 2.4)."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.token_encoder import inside_lengths
from deeplearn.nn.checks import assert_integers, assert_shapes
from deeplearn.nn.positions import LearnedPositions
from deeplearn.nn.transformer import Decoder


class ClipText(nn.Module):
    """tokens int32 [batch, time], lengths int32 [batch] -> hidden states [batch, time, width], 0 beyond lengths.

    vocabulary: number of tokens. width, layers, heads: of table 20. hidden: units of each feed-forward network.
    length: the longest text in tokens, both ends included; AssertionError for a longer one.
    projection: features of the space that pictures share; 0: none.
    end: the id of the end token; None: the largest id that a text has, as the authors have it.
    activation: of the feed-forward networks, a name of `nn.activations`. epsilon: of the layer norms.
    dropout: as in `nn.transformer.Encoder`; the paper has none.

    `vectors` gives the text's vector. Where it is called, also by `init`, it has the projection's parameters.
    """

    vocabulary: int
    width: int = 512
    layers: int = 12
    heads: int = 8
    hidden: int = 2048
    length: int = 77
    projection: int = 512
    end: int | None = None
    activation: str = "quick_gelu"
    epsilon: float = 1e-5
    dropout: float = 0.0

    def setup(self) -> None:
        self.embedding = nn.Embed(self.vocabulary, self.width, embedding_init=nn.initializers.normal(0.02))
        self.positions = LearnedPositions(self.length)
        self.decoder = Decoder(
            self.layers,
            self.heads,
            self.hidden,
            self.dropout,
            activation=self.activation,
            epsilon=self.epsilon,
        )
        if self.projection:
            spread = nn.initializers.normal(self.width**-0.5)
            self.text_projection = nn.Dense(self.projection, use_bias=False, kernel_init=spread)

    def __call__(self, tokens: jax.Array, lengths: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(tokens=(tokens, "batch time"), lengths=(lengths, "batch"))
        assert_integers(tokens=tokens, lengths=lengths)
        x = self.decoder(self.positions(self.embedding(tokens)), train)
        return jnp.where(inside_lengths(tokens, lengths)[..., None], x, 0)

    def at_end(self, tokens: jax.Array, lengths: jax.Array, train: bool = False) -> jax.Array:
        """The hidden state at the first end token: [batch, width]."""
        x = self(tokens, lengths, train)
        place = jnp.argmax(tokens if self.end is None else tokens == self.end, axis=1)
        return jnp.take_along_axis(x, place[:, None, None], axis=1)[:, 0]

    def vectors(self, tokens: jax.Array, lengths: jax.Array, train: bool = False) -> jax.Array:
        """Each text's vector in the space of pictures, not normalised: [batch, projection].

        Without a projection `at_end`.
        """
        x = self.at_end(tokens, lengths, train)
        return self.text_projection(x) if self.projection else x


def clip_text_vit_l_14() -> ClipText:
    """The text side of CLIP ViT-L/14 (table 20): 123,060,480 parameters, and 768² of the projection."""
    return ClipText(49408, 768, 12, 12, 3072, projection=768)
