"""Translators: from a source of tokens the probability of each next token of the target.

Four ways from the encoder to the decoder: one fixed context (Cho et al. 2014), additive attention (Bahdanau et al.
2015), multiplicative attention (Luong et al. 2015), and the transformer (Vaswani et al. 2017). All have

    translator(source, lengths, target, train)      logits [batch, target, vocabulary] of the token after each
    translator.attention(source, lengths, target)   weights [batch, target, source] of these steps, to draw
    state = translator.start(source, lengths)       what decoding begins with
    translator.step(state, tokens)                  logits [batch, vocabulary] of the next token, and a new state

source int32 [batch, source] with its lengths [batch], padded beyond; target int32 [batch, target] begins with the
vocabulary's `begin`; tokens int32 [batch]. What is decoded, by `translate`, does not depend on the padding.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.attention import BahdanauAttention, LuongAttention
from deeplearn.nn.cells import GRUCell
from deeplearn.nn.checks import assert_integers, assert_shapes
from deeplearn.nn.decoding import beam_search, sample
from deeplearn.nn.positions import SinusoidalPositions
from deeplearn.nn.recurrent import Recurrent
from deeplearn.nn.transformer import Decoder, Encoder

ATTENTIONS = ("fixed", "bahdanau", "luong")


def _check(source: jax.Array, lengths: jax.Array, target: jax.Array) -> None:
    assert_shapes(source=(source, "batch source"), lengths=(lengths, "batch"), target=(target, "batch target"))
    assert_integers(source=source, lengths=lengths, target=target)


def _inside(source: jax.Array, lengths: jax.Array) -> jax.Array:
    """True at real tokens, [batch, source]."""
    return jnp.arange(source.shape[1]) < lengths[:, None]


class RecurrentTranslator(nn.Module):
    """A bidirectional GRU reads the source, a GRU writes the target, one layer each.

    kind: what the decoder sees of the source at each step t, besides its first state, s₀ = tanh(W h) of the
    encoder's states at the source's two ends.

    - "fixed": c = tanh(V h) of the same, at every step (Cho et al. 2014, section 2.2).
    - "bahdanau": cₜ, by additive attention of sₜ₋₁ to all states (Bahdanau et al. 2015, section 3.1).
    - "luong": cₜ, by the score sₜᵀ W h ("general") of sₜ, which itself has not seen cₜ (Luong et al. 2015, section
      3.1, global, without input feeding).

    The logits are linear in tanh(W [sₜ; cₜ; yₜ]), Luong's equation 5 with the token yₜ that came in; Bahdanau has a
    maxout layer there. features: of embedded tokens; hidden: of the states; aligned: of Bahdanau's hidden layer,
    which is the length of his v.
    """

    kind: str
    vocabulary: int
    features: int
    hidden: int
    aligned: int
    dropout: float = 0.0

    def setup(self) -> None:
        if self.kind not in ATTENTIONS:
            raise ValueError(f"{self.kind!r} is none of {', '.join(ATTENTIONS)}")
        self.source_embedding = nn.Embed(self.vocabulary, self.features)
        self.target_embedding = nn.Embed(self.vocabulary, self.features)
        self.encoder = Recurrent(GRUCell, self.hidden, bidirectional=True)
        self.first = nn.Dense(self.hidden)
        self.readout, self.head = nn.Dense(self.hidden), nn.Dense(self.vocabulary)
        self.drop = nn.Dropout(self.dropout)
        if self.kind == "fixed":
            self.context = nn.Dense(self.hidden)
        else:
            additive = self.kind == "bahdanau"
            self.attend: Any = BahdanauAttention(self.aligned) if additive else LuongAttention("general")
        if self.kind == "bahdanau":
            self.cell = GRUCell(self.hidden)
        else:
            self.decoder = Recurrent(GRUCell, self.hidden)

    def __call__(self, source: jax.Array, lengths: jax.Array, target: jax.Array, train: bool = False) -> jax.Array:
        _check(source, lengths, target)
        return self._decode(self.start(source, lengths, train), target, train)[0]

    def attention(self, source: jax.Array, lengths: jax.Array, target: jax.Array) -> jax.Array:
        """Of a fixed context, which chooses nothing, the weights are zeros."""
        _check(source, lengths, target)
        return self._decode(self.start(source, lengths), target, False)[1]

    def start(self, source: jax.Array, lengths: jax.Array, train: bool = False) -> dict[str, jax.Array]:
        embedded = self.drop(self.source_embedding(source), deterministic=not train)
        states, ((forward, backward),) = self.encoder(embedded, lengths)
        ends = jnp.concatenate([forward, backward], axis=-1)
        found = {"state": nn.tanh(self.first(ends)), "inside": _inside(source, lengths)}
        if self.kind == "fixed":
            return found | {"context": nn.tanh(self.context(ends))}
        keys = {"keys": self.attend.keys(states)} if self.kind == "bahdanau" else {}
        return found | {"states": states} | keys

    def step(self, state: dict[str, jax.Array], tokens: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
        logits, _, last = self._decode(state, tokens[:, None], False)
        return logits[:, 0], state | {"state": last}

    def _decode(
        self, memory: dict[str, jax.Array], target: jax.Array, train: bool
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Logits and weights of all steps, and the last state."""
        y = self.drop(self.target_embedding(target), deterministic=not train)
        weights = jnp.zeros((*target.shape, memory["inside"].shape[1]))
        if self.kind == "bahdanau":
            states, contexts, weights, last = self._attending(memory, y)
        else:
            x = y
            if self.kind == "fixed":
                contexts = jnp.broadcast_to(memory["context"][:, None], (*target.shape, self.hidden))
                x = jnp.concatenate([y, contexts.astype(y.dtype)], axis=-1)
            states, ((last,),) = self.decoder(x, states=((memory["state"],),))
            if self.kind == "luong":
                contexts, weights = self.attend(states, memory["states"], memory["inside"])
        seen = nn.tanh(self.readout(jnp.concatenate([states, contexts.astype(states.dtype), y], axis=-1)))
        return self.head(self.drop(seen, deterministic=not train)), weights, last

    def _attending(self, memory: dict[str, jax.Array], y: jax.Array) -> tuple[jax.Array, ...]:
        """The loop over the steps of a decoder whose attention is a part of its recurrence."""

        def step(self: RecurrentTranslator, state: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
            context, weights = self.attend(state[:, None], memory["states"], memory["inside"], memory["keys"])
            state, output = self.cell(state, jnp.concatenate([y, context[:, 0].astype(y.dtype)], axis=-1))
            return state, (output, context[:, 0], weights[:, 0])

        loop = nn.scan(step, variable_broadcast="params", split_rngs={"params": False}, in_axes=1, out_axes=1)
        last, (states, contexts, weights) = loop(self, memory["state"], y)
        return states, contexts, weights, last


class Transformer(nn.Module):
    """The transformer as it was first written (Vaswani et al. 2017): one embedding for source, target and logits.

    features: of each position; hidden: of the feed-forward networks. length: tokens that can be decoded.
    pre_norm: layer norm before the sub-layers, which learns without a warm-up of the rate; the paper has it after.
    """

    vocabulary: int
    features: int
    hidden: int
    depth: int
    heads: int
    length: int
    dropout: float = 0.1
    pre_norm: bool = True

    def setup(self) -> None:
        scale = nn.initializers.normal(self.features**-0.5)
        self.embedding = nn.Embed(self.vocabulary, self.features, embedding_init=scale)
        self.source_positions, self.target_positions = SinusoidalPositions(), SinusoidalPositions()
        sizes = (self.depth, self.heads, self.hidden, self.dropout, self.pre_norm, False)
        self.encoder, self.decoder = Encoder(*sizes), Decoder(*sizes, self.length)
        self.drop = nn.Dropout(self.dropout)

    def __call__(self, source: jax.Array, lengths: jax.Array, target: jax.Array, train: bool = False) -> jax.Array:
        _check(source, lengths, target)
        return self._decode(self._encode(source, lengths, train), target, train)

    def attention(self, source: jax.Array, lengths: jax.Array, target: jax.Array) -> jax.Array:
        """The mean over all heads of the decoder's last block."""
        _check(source, lengths, target)
        translator, variables = self.unbind()
        _, sown = translator.apply(variables, source, lengths, target, mutable=["attention"])
        blocks = sown["attention"]["decoder"]
        (weights,) = blocks[f"block_{self.depth - 1}"]["cross_attention"]["weights"]
        return weights.mean(1)

    def start(self, source: jax.Array, lengths: jax.Array) -> dict[str, Any]:
        """The memory, and the decoder's cache with the memory's keys and values, before its first token."""
        memory = self._encode(source, lengths, False)
        translator, variables = self.unbind()
        first = jnp.zeros((len(source), 1), jnp.int32)
        _, made = translator.apply(variables, memory, first, False, True, method="_decode", mutable=["cache"])
        # Keys and values of that token are written over once the clock is put back.
        clock = lambda path, x: jnp.zeros_like(x) if path[-1].key == "index" else x  # noqa: E731
        return memory | {"cache": jax.tree_util.tree_map_with_path(clock, made["cache"])}

    def step(self, state: dict[str, Any], tokens: jax.Array) -> tuple[jax.Array, dict[str, Any]]:
        translator, variables = self.unbind()
        given = {**variables, "cache": state["cache"]}
        logits, made = translator.apply(
            given, state, tokens[:, None], False, True, method="_decode", mutable=["cache"]
        )
        return logits[:, 0], state | {"cache": made["cache"]}

    def _encode(self, source: jax.Array, lengths: jax.Array, train: bool) -> dict[str, jax.Array]:
        inside = _inside(source, lengths)
        x = self.source_positions(self._embedded(source))
        return {"memory": self.encoder(self.drop(x, deterministic=not train), train, inside), "inside": inside}

    def _decode(
        self, memory: dict[str, jax.Array], target: jax.Array, train: bool, decode: bool = False
    ) -> jax.Array:
        y = self.target_positions(self._embedded(target), decode)
        y = self.drop(y, deterministic=not train)
        y = self.decoder(y, train, memory["memory"], memory["inside"], decode)
        return self.embedding.attend(y)

    def _embedded(self, tokens: jax.Array) -> jax.Array:
        """Section 3.4: embeddings are multiplied by the root of their length."""
        return self.embedding(tokens) * self.features**0.5


def translate(
    translator: Any,
    source: jax.Array,
    lengths: jax.Array,
    *,
    steps: int,
    begin: int,
    end: int,
    beams: int = 1,
    alpha: float = 0.6,
    key: jax.Array | None = None,
) -> jax.Array:
    """A target for each source: int32 [batch, steps], up to and with `end`, then 0.

    The most probable one found, greedily, or with more beams than one by beam search; with a key and one beam it is
    drawn, each as often as it is probable. `translator` is bound; steps: the longest target.
    """
    state = translator.start(source, lengths)
    translator, variables = translator.unbind()

    def step(state: Any, tokens: jax.Array) -> tuple[jax.Array, Any]:
        logits, state = translator.apply(variables, state, tokens, method="step")
        return logits, state

    first = jnp.full(len(source), begin, jnp.int32)
    if beams > 1:
        return beam_search(step, state, first, steps=steps, end=end, beams=beams, alpha=alpha)[0][:, 0]
    drawn = {"key": jax.random.key(0), "temperature": 0.0} if key is None else {"key": key}
    return sample(step, state, first, steps=steps, end=end, **drawn)
