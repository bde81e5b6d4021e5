"""Tokens to one vector at each position: an embedding, then recurrent, convolutional or attention layers."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.cells import GRUCell, LSTMCell, RNNCell
from deeplearn.nn.checks import assert_integers, assert_shapes
from deeplearn.nn.positions import SinusoidalPositions
from deeplearn.nn.recurrent import Recurrent
from deeplearn.nn.transformer import Encoder

CELLS = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}
NETWORKS = (*CELLS, "convolution", "transformer")
UNKNOWN = 1  # the id of a token that is not in the vocabulary
HEAD = 32  # features of an attention head


class TokenEncoder(nn.Module):
    """tokens int32 [batch, time], lengths int32 [batch] -> [batch, time, features], 0 beyond each length.

    vocabulary: number of tokens. embedding: features of each token's vector.
    ngrams: sizes of n-grams, centred at each token, whose hashed vectors are added to the token's (Bojanowski et
        al. 2017; empty: none). buckets: rows of their one table; n-grams that share one share its vector.
    windows: widths of convolutions over the embedded tokens, ReLU, side by side, before the layers; each has
        `embedding` features (empty: none). A window sees zeros beyond both ends of a text.
    network: "rnn", "lstm" or "gru", `layers` deep, `features` in each direction; "transformer", pre-norm with
        positions by sine and cosine; or "convolution", the windows alone, each with `features` (Kim 2014).
    bidirectional: of recurrent networks; 2·features then, forward first. A transformer always sees both sides.
    skip: the layers see the tokens alone, and these with their n-grams stand beside what the layers make of them,
        [batch, time, features + embedding] (wide and deep, Cheng et al. 2016).
    dropout: fraction dropped of the embedding, and between the layers.
    unknown: fraction of tokens read as the unknown one, only in training, as rare words are at test (Iyyer et al.
        2015 drop words so). Without it that token's vector would never be learnt.
    """

    vocabulary: int
    network: str = "lstm"
    embedding: int = 64
    features: int = 128
    layers: int = 1
    bidirectional: bool = True
    ngrams: tuple[int, ...] = ()
    buckets: int = 2**15
    windows: tuple[int, ...] = ()
    skip: bool = False
    dropout: float = 0.0
    unknown: float = 0.0

    @nn.compact
    def __call__(self, tokens: jax.Array, lengths: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(tokens=(tokens, "batch time"), lengths=(lengths, "batch"))
        assert_integers(tokens=tokens, lengths=lengths)
        inside = inside_lengths(tokens, lengths)[..., None]
        if train and self.unknown:
            hidden = jax.random.bernoulli(self.make_rng("dropout"), self.unknown, tokens.shape)
            tokens = jnp.where(hidden, UNKNOWN, tokens)
        x = nn.Embed(self.vocabulary, self.embedding, name="embed")(tokens)
        beside = x
        if self.ngrams:
            # From zeros, so that an n-gram that training lacks says nothing, and is no noise.
            table = nn.Embed(self.buckets, self.embedding, embedding_init=nn.initializers.zeros, name="ngrams")
            read = jnp.where(inside[..., 0], tokens, 0)
            beside = x + sum(table(hashed_ngrams(read, size, self.buckets)) for size in self.ngrams)
            x = x if self.skip else beside
        drop = nn.Dropout(self.dropout, deterministic=not train)
        x, embedded = jnp.where(inside, drop(x), 0), jnp.where(inside, drop(beside), 0)
        if self.windows:
            width = self.features if self.network == "convolution" else self.embedding
            seen = [nn.Conv(width, (size,), name=f"window_{size}")(x) for size in self.windows]
            x = nn.Dropout(self.dropout, deterministic=not train)(nn.relu(jnp.concatenate(seen, -1)))
        if self.network in CELLS:
            x, _ = Recurrent(
                CELLS[self.network],
                self.features,
                self.layers,
                self.bidirectional,
                dropout=self.dropout,
                name="layers",
            )(x, lengths, train=train)
        elif self.network == "transformer":
            x = SinusoidalPositions()(nn.Dense(self.features, name="widen")(x))
            heads = max(1, self.features // HEAD)
            x = Encoder(self.layers, heads, 4 * self.features, self.dropout, name="layers")(
                x, train, inside[..., 0]
            )
        x = jnp.concatenate([x, embedded], -1) if self.skip else x
        return jnp.where(inside, x, 0)


def hashed_ngrams(tokens: jax.Array, size: int, buckets: int) -> jax.Array:
    """The bucket of the n-gram of `size` tokens centred at each token: int32 [batch, time] -> [batch, time].

    An even size reaches one token further to the right. Beyond both ends there are zeros, as in padding.
    """
    time = tokens.shape[1]
    padded = jnp.pad(tokens, ((0, 0), ((size - 1) // 2, size // 2))).astype(jnp.uint32)
    mixed = jnp.full_like(padded[:, :time], size)
    for place in range(size):
        # Fowler, Noll and Vo's prime (FNV-1a), then a shift that brings high bits down to where `buckets` looks.
        mixed = (mixed ^ padded[:, place : place + time]) * jnp.uint32(16777619)
        mixed ^= mixed >> 15
    return (mixed % jnp.uint32(buckets)).astype(jnp.int32)


def inside_lengths(tokens: jax.Array, lengths: jax.Array) -> jax.Array:
    """Where there is a token and no padding, bool [batch, time]."""
    return jnp.arange(tokens.shape[1]) < lengths[:, None]


def alike(features: int, embedding: int) -> int:
    """Units of a forward LSTM with as many weights as a bidirectional one of `features`, nearest from above."""
    wanted = 2 * features * (embedding + features + 1)
    units = features
    while units * (embedding + units + 1) < wanted:
        units += 1
    return units
