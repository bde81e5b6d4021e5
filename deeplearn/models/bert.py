"""BERT: a bidirectional transformer encoder over tokens (Devlin et al. 2019), and those of the same plan.

RoBERTa (Liu et al. 2019) and MiniLM (Wang et al. 2020) differ in sizes, DistilBERT (Sanh et al. 2019) has half the
layers and no segments.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.token_encoder import inside_lengths
from deeplearn.nn.activations import by_name
from deeplearn.nn.checks import assert_integers, assert_shapes
from deeplearn.nn.functional import by_rows
from deeplearn.nn.positions import LearnedPositions
from deeplearn.nn.transformer import Encoder

_NORMAL = nn.initializers.normal(0.02)


class Bias(nn.Module):
    """x + b: [..., features] -> the same."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return x + self.param("bias", nn.initializers.zeros, (self.features,))


class Bert(nn.Module):
    """tokens int32 [batch, time], lengths int32 [batch] -> hidden states [batch, time, width], 0 beyond lengths.

    vocabulary: number of tokens. width, layers, heads: H, L and A of section 3. hidden: units of each feed-forward
        network, 4H there.
    length: the longest text in tokens; AssertionError for a longer one.
    segments: kinds of segment (sentence A or B), each with a vector that is added to its tokens'; 0: none.
    activation: of the feed-forward networks, a name of `nn.activations`. epsilon: of the layer norms.
    dropout: fraction dropped of the embedding and of what each sub-layer gives, if `train`, from the stream
        "dropout". Attention weights are not dropped.

    segment: int32 [batch, time], which one each token is of; None: all of the first.

    A head is built on `logits`, which has parameters of its own where it is called, also by `init`.
    """

    vocabulary: int
    width: int = 768
    layers: int = 12
    heads: int = 12
    hidden: int = 3072
    length: int = 512
    segments: int = 2
    activation: str = "gelu"
    epsilon: float = 1e-12
    dropout: float = 0.0

    def setup(self) -> None:
        self.embedding = nn.Embed(self.vocabulary, self.width, embedding_init=_NORMAL)
        self.positions = LearnedPositions(self.length)
        if self.segments:
            self.segment_embedding = nn.Embed(self.segments, self.width, embedding_init=_NORMAL)
        self.embedding_norm = nn.LayerNorm(epsilon=self.epsilon)
        self.drop = nn.Dropout(self.dropout)
        self.encoder = Encoder(
            self.layers,
            self.heads,
            self.hidden,
            self.dropout,
            pre_norm=False,
            activation=self.activation,
            epsilon=self.epsilon,
        )
        self.transform = nn.Dense(self.width)
        self.transform_norm = nn.LayerNorm(epsilon=self.epsilon)
        self.output_bias = Bias(self.vocabulary)

    def embed(self, tokens: jax.Array, segment: jax.Array | None = None, train: bool = False) -> jax.Array:
        """What the first layer sees (figure 2): the sum of token, position and segment vectors, normalised."""
        x = self.positions(self.embedding(tokens))
        if self.segments:
            x += self.segment_embedding(jnp.zeros_like(tokens) if segment is None else segment)
        return self.drop(self.embedding_norm(x), deterministic=not train)

    def __call__(
        self, tokens: jax.Array, lengths: jax.Array, segment: jax.Array | None = None, train: bool = False
    ) -> jax.Array:
        assert_shapes(tokens=(tokens, "batch time"), lengths=(lengths, "batch"))
        assert_integers(tokens=tokens, lengths=lengths)
        inside = inside_lengths(tokens, lengths)
        x = self.encoder(self.embed(tokens, segment, train), train, inside)
        return jnp.where(inside[..., None], x, 0)

    def logits(self, x: jax.Array) -> jax.Array:
        """Of each token at hidden states x: [..., width] -> [..., vocabulary] (section 3.1, task 1).

        A dense layer, the activation and a layer norm, then the embedding's own matrix and a bias, as in the
        authors' `get_masked_lm_output`.
        """
        x = self.transform_norm(by_name(self.activation)(by_rows(self.transform, x)))
        return self.output_bias(by_rows(self.embedding.attend, x))


def bert_base(vocabulary: int = 30522) -> Bert:
    """BERT-base (section 3), by default over the uncased vocabulary: 108,891,648 parameters without a pooler."""
    return Bert(vocabulary)
