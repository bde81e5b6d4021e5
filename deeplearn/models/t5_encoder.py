"""The encoder of T5 (Raffel et al. 2020, section 2.1), in its first form and in that of version 1.1.

Version 1.1 (the authors' released_checkpoints.md) has a gated feed-forward network (Shazeer 2020, GEGLU).
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.token_encoder import inside_lengths
from deeplearn.nn.activations import by_name
from deeplearn.nn.checks import assert_integers, assert_shapes
from deeplearn.nn.functional import by_rows
from deeplearn.nn.relative_positions import BiasedSelfAttention, DistanceBias


class T5FeedForward(nn.Module):
    """f(x W₁) W₂, or (f(x W₁) · x V) W₂ if `gated`, without biases: [..., features] -> the same."""

    hidden: int
    activation: str
    gated: bool
    dropout: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        inside, outside = (nn.initializers.normal(size**-0.5) for size in (x.shape[-1], self.hidden))
        y = by_name(self.activation)(by_rows(nn.Dense(self.hidden, False, kernel_init=inside, name="hidden"), x))
        if self.gated:
            y *= by_rows(nn.Dense(self.hidden, False, kernel_init=inside, name="linear"), x)
        y = nn.Dropout(self.dropout, deterministic=not train)(y)
        return by_rows(nn.Dense(x.shape[-1], False, kernel_init=outside, name="out"), y)


class T5Encoder(nn.Module):
    """tokens int32 [batch, time], lengths int32 [batch] -> hidden states [batch, time, width], 0 beyond lengths.

    vocabulary: number of tokens. width, layers, heads, hidden: d_model, the blocks, heads and d_ff of section 3.1.1
        and 3.6.2. head: d_kv, features of each head.
    buckets, farthest: of distances between tokens, as in `nn.relative_positions`; all blocks share their biases.
    activation, gated: of the feed-forward networks: "relu" at first, "gelu_tanh" and gated in version 1.1.
    epsilon: of the layer norms, which only divide by the root mean square.
    dropout: fraction dropped of the embedding, within and behind each sub-layer, and at the end, if `train`, from
        the stream "dropout". Attention weights are not dropped.

    There is no longest text.
    """

    vocabulary: int
    width: int = 768
    layers: int = 12
    heads: int = 12
    head: int = 64
    hidden: int = 3072
    buckets: int = 32
    farthest: int = 128
    activation: str = "relu"
    gated: bool = False
    epsilon: float = 1e-6
    dropout: float = 0.0

    @nn.compact
    def __call__(self, tokens: jax.Array, lengths: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(tokens=(tokens, "batch time"), lengths=(lengths, "batch"))
        assert_integers(tokens=tokens, lengths=lengths)
        inside = inside_lengths(tokens, lengths)

        def drop(x: jax.Array) -> jax.Array:
            return nn.Dropout(self.dropout, deterministic=not train)(x)

        def norm(x: jax.Array, name: str) -> jax.Array:
            return nn.RMSNorm(epsilon=self.epsilon, name=name)(x)

        normal = nn.initializers.normal(1.0)
        x = drop(nn.Embed(self.vocabulary, self.width, embedding_init=normal, name="embedding")(tokens))
        bias = DistanceBias(self.heads, self.buckets, self.farthest, name="distances")(tokens.shape[1])
        for i in range(self.layers):
            attention = BiasedSelfAttention(self.heads, self.head, name=f"attention_{i}")
            x += drop(attention(norm(x, f"attention_norm_{i}"), bias, inside))
            feed_forward = T5FeedForward(
                self.hidden, self.activation, self.gated, self.dropout, name=f"feed_forward_{i}"
            )
            x += drop(feed_forward(norm(x, f"feed_forward_norm_{i}"), train))
        return jnp.where(inside[..., None], drop(norm(x, "norm")), 0)


def t5_base_encoder(vocabulary: int = 32128) -> T5Encoder:
    """The encoder of T5-base (section 3.1.1): 109,628,544 parameters."""
    return T5Encoder(vocabulary)
