"""Language models: p(next token | those before), by a window, a recurrent net or a transformer, of equal sizes.

A model gives the logits of all next tokens at once, or with `decode` goes on from the call before: what it needs of
the tokens so far is in the collection "cache", as in `nn.transformer.Decoder`.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.nn.cells import GRUCell, LSTMCell, RNNCell
from deeplearn.nn.checks import assert_integers, assert_shapes
from deeplearn.nn.decoding import sample
from deeplearn.nn.recurrent import Recurrent
from deeplearn.nn.transformer import Decoder

KINDS = ("lstm", "deep_lstm", "gru", "rnn", "window", "transformer")
CELLS: dict[str, Any] = {"lstm": LSTMCell, "deep_lstm": LSTMCell, "gru": GRUCell, "rnn": RNNCell}
WINDOW = 12  # tokens that the feed-forward network sees


class Window(nn.Module):
    """A feed-forward network on the last `window` tokens (Bengio et al. 2003): [batch, time, features] -> width.

    Two hidden layers of ReLUs. Before the first token there are zeros.
    """

    width: int
    window: int
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: jax.Array, train: bool, decode: bool) -> jax.Array:
        batch, _, features = x.shape
        before = jnp.zeros((batch, self.window - 1, features), x.dtype)
        if decode:
            cache = self.variable("cache", "before", lambda: before)
            before = cache.value
        x = jnp.concatenate([before, x], axis=1)
        if decode:
            cache.value = x[:, x.shape[1] - (self.window - 1) :]
        x = nn.relu(nn.Conv(self.width, (self.window,), padding="VALID", name="window_layer")(x))
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return nn.relu(nn.Dense(self.width, name="hidden")(x))


class Memory(nn.Module):
    """A recurrent net, one of `nn.recurrent.Recurrent`: [batch, time, features] -> [batch, time, width]."""

    net: Recurrent

    @nn.compact
    def __call__(self, x: jax.Array, train: bool, decode: bool) -> jax.Array:
        if not decode:
            return self.net(x, train=train)[0]
        begun = self.has_variable("cache", "states")
        states = self.get_variable("cache", "states") if begun else None
        y, states = self.net(x, states=states, train=train)
        self.put_variable("cache", "states", states)
        return y


class Attention(nn.Module):
    """A transformer's decoder without a memory, with rotary positions: [batch, time, features] -> the same."""

    decoder: Decoder

    @nn.compact
    def __call__(self, x: jax.Array, train: bool, decode: bool) -> jax.Array:
        return self.decoder(x, train, decode=decode)


class LanguageModel(nn.Module):
    """Logits of the token after each: tokens int32 [batch, time] -> [batch, time, vocabulary].

    body(embedded [batch, time, features], train, decode) -> [batch, time, any width], and no output may depend on
    later inputs. Dropout, from the stream "dropout", if `train`, before the linear head.
    """

    body: nn.Module
    vocabulary: int
    features: int
    dropout: float = 0.0

    @nn.compact
    def __call__(self, tokens: jax.Array, train: bool = False, decode: bool = False) -> jax.Array:
        assert_shapes(tokens=(tokens, "batch time"))
        assert_integers(tokens=tokens)
        # Of length 1, as Flax makes them, embeddings would be learnt slowly.
        embed = nn.Embed(
            self.vocabulary, self.features, embedding_init=nn.initializers.normal(1.0), name="embedding"
        )
        y = self.body(embed(tokens), train, decode)
        y = nn.Dropout(self.dropout, deterministic=not train)(y)
        return nn.Dense(self.vocabulary, name="head")(y)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What all kinds share. depth, heads: layers of the deep ones and the transformer's heads.

    length: how many tokens can be decoded. dropout: the fraction dropped in training.
    """

    depth: int
    heads: int
    length: int
    dropout: float = 0.0

    @property
    def step(self) -> int:
        """Widths are multiples of this."""
        return 2 * self.heads


def language_model(kind: str, vocabulary: int, width: int, sizes: Sizes) -> LanguageModel:
    """One of KINDS, its layers of this width."""
    features, dropout, body = 64, sizes.dropout, nn.Module()
    if kind == "window":
        features, body = 32, Window(width, WINDOW, dropout)
    elif kind == "transformer":
        decoder = Decoder(sizes.depth, sizes.heads, 4 * width, dropout, rotary=True, length=sizes.length)
        features, body = width, Attention(decoder)
    else:
        layers = sizes.depth if kind == "deep_lstm" else 1
        body = Memory(Recurrent(CELLS[kind], width, layers, dropout=dropout))
    return LanguageModel(body, vocabulary, features, dropout)


@functools.cache
def sized(parameters: int, kind: str, vocabulary: int, sizes: Sizes) -> LanguageModel:
    """The `language_model` of the largest width that has no more parameters than these, or of the smallest."""

    def model(steps: int) -> LanguageModel:
        return language_model(kind, vocabulary, sizes.step * steps, sizes)

    # The count is a quadratic of the width, so three tell all.
    one, two, three = (parameter_count(model(steps)) for steps in (1, 2, 3))
    bend, steps = three - 2 * two + one, 1
    while one + steps * (two - one) + steps * (steps - 1) // 2 * bend <= parameters:
        steps += 1
    return model(steps)


def parameter_count(model: LanguageModel) -> int:
    """How many numbers are trained, found without making them."""
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((1, 1), jnp.int32)))
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(variables["params"]))


def go_on(model: nn.Module, tokens: jax.Array, logits: Any = None, **options: Any) -> jax.Array:
    """New tokens after tokens int32 [batch, time]: `options` are those of `nn.decoding.sample`.

    `model` is bound and gives the random stream "noise". logits(model, tokens, decode=True): what it gives; by
    default its call. All but the last token go through it at once (prefill).
    """
    key = model.make_rng("noise")
    model, variables = model.unbind()

    def step(cache: Any, tokens: jax.Array) -> tuple[jax.Array, Any]:
        found, cache = model.apply(variables | cache, tokens, decode=True, method=logits, mutable=["cache"])
        return found[:, -1], cache

    shapes = jax.eval_shape(step, {}, tokens[:, :1])[1]
    cache = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    if tokens.shape[1] > 1:
        _, cache = step(cache, tokens[:, :-1])
    return sample(lambda cache, last: step(cache, last[:, None]), cache, tokens[:, -1], key, **options)
