"""Classifiers of texts, and taggers of each of their tokens."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.token_encoder import CELLS, TokenEncoder, inside_lengths
from deeplearn.nn.checks import assert_shapes

POOLINGS = ("last", "max", "mean")


def pool(x: jax.Array, lengths: jax.Array, how: str, bidirectional: bool = False) -> jax.Array:
    """One vector of those at a text's tokens: x [batch, time, features], lengths [batch] -> [batch, features].

    "last": what a layer knows at its end: the vector at the last token, or, `bidirectional`, its first half there
    and the second half, of the backward layer, at the first token. "max" and "mean" are over all tokens.
    Of an empty text all are 0.
    """
    assert_shapes(x=(x, "batch time features"), lengths=(lengths, "batch"))
    if how == "last":
        end = jnp.take_along_axis(x, jnp.maximum(lengths - 1, 0)[:, None, None], axis=1)[:, 0]
        if bidirectional:
            half = x.shape[-1] // 2
            end = jnp.concatenate([end[:, :half], x[:, 0, half:]], axis=-1)
        return jnp.where(lengths[:, None] > 0, end, 0)
    inside = inside_lengths(x[..., 0], lengths)[..., None]
    if how == "max":
        highest = jnp.where(inside, x, jnp.finfo(x.dtype).min).max(1)
        return jnp.where(lengths[:, None] > 0, highest, 0)
    return jnp.where(inside, x, 0).sum(1) / jnp.maximum(lengths, 1)[:, None].astype(x.dtype)


class TokenClassifier(nn.Module):
    """tokens int32 [batch, time], lengths [batch] -> logits [batch, classes] of the text as a whole.

    pooling: how an encoder's vectors become one, see `pool`; of embedded tokens beside them the mean is taken.
    dropout: fraction of that one which is dropped.
    """

    encoder: TokenEncoder
    classes: int
    pooling: str = "last"
    dropout: float = 0.0

    @nn.compact
    def __call__(self, tokens: jax.Array, lengths: jax.Array, train: bool = False) -> jax.Array:
        both = self.encoder.bidirectional and self.encoder.network in CELLS
        x = self.encoder(tokens, lengths, train)
        if self.encoder.skip:
            own, embedded = jnp.split(x, [x.shape[-1] - self.encoder.embedding], axis=-1)
            x = jnp.concatenate([pool(own, lengths, self.pooling, both), pool(embedded, lengths, "mean")], -1)
        else:
            x = pool(x, lengths, self.pooling, both)
        return nn.Dense(self.classes, name="out")(nn.Dropout(self.dropout, deterministic=not train)(x))


class Tagger(nn.Module):
    """tokens int32 [batch, time], lengths [batch] -> logits [batch, time, tags] of each token.

    With a bidirectional LSTM, the BI-LSTM of Huang, Xu & Yu 2015, section 2.2. dropout: before the last layer.
    """

    encoder: TokenEncoder
    tags: int
    dropout: float = 0.0

    @nn.compact
    def __call__(self, tokens: jax.Array, lengths: jax.Array, train: bool = False) -> jax.Array:
        x = nn.Dropout(self.dropout, deterministic=not train)(self.encoder(tokens, lengths, train))
        return nn.Dense(self.tags, name="out")(x)
