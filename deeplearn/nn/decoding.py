"""Decoding: sequences out of a model that gives the next token's logits, in one compiled loop.

Everything here is over a function

    step(state, tokens) -> (logits, state)

that takes the last token of every row, int32 [batch], and gives the next one's logits [batch, vocabulary] with the
state changed: a recurrent net's states, a transformer's cache, or both beside what an encoder gave. Every array of
the state has the rows on its first axis, or is a scalar that all rows share (a cache's `index`). `step` is pure: a
bound Flax module is first taken apart by `unbind()`, because JAX's loops cannot call a bound one. A translator:

    translator, variables = translator.unbind()

    def step(cache, tokens):
        logits, changed = translator.apply(variables | cache, tokens[:, None], method=…, mutable=["cache"])
        return logits[:, -1], changed

    found, scores = beam_search(step, cache, jnp.full(batch, begin), steps=40, end=end, beams=4)

A state may have seen a part of the sequence before (prefill): then `tokens` is what comes after it. What is
returned are the new tokens, up to and with `end`, then PAD.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_integers, assert_shapes

PAD = 0  # what follows after `end`
State = Any
Step = Callable[[State, jax.Array], tuple[jax.Array, State]]


def kept(logits: jax.Array, top_k: int = 0, top_p: float = 1.0) -> jax.Array:
    """True for the tokens that may be drawn, [batch, vocabulary]; exactly these, where logits are equal too.

    top_k: the k most probable ones; 0 is all (Fan et al. 2018, section 5.2). top_p: of these the smallest set of
    most probable tokens whose probabilities sum to p or more, the nucleus (Holtzman et al. 2020, section 3.1).
    """
    assert_shapes(logits=(logits, "batch vocabulary"))
    order = jnp.argsort(logits, axis=-1, descending=True)
    ordered = jnp.take_along_axis(logits, order, axis=-1).astype(jnp.float32)
    if top_k:
        ordered = jnp.where(jnp.arange(logits.shape[-1]) < top_k, ordered, -jnp.inf)
    probabilities = jax.nn.softmax(ordered, axis=-1)
    before = jnp.cumsum(probabilities, axis=-1) - probabilities
    # The most probable one is always drawn, even for p = 0.
    chosen = ((before < top_p) | (jnp.arange(logits.shape[-1]) == 0)) & (ordered > -jnp.inf)
    return jnp.take_along_axis(chosen, jnp.argsort(order, axis=-1), axis=-1)


def draw(
    key: jax.Array, logits: jax.Array, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> jax.Array:
    """A token for each row, int32 [batch], from the softmax of logits / temperature, of what is `kept` of it.

    Temperature 0 is greedy: the most probable token.
    """
    assert_shapes(logits=(logits, "batch vocabulary"))
    if temperature == 0:
        return logits.argmax(-1).astype(jnp.int32)
    logits = logits.astype(jnp.float32) / temperature
    if top_k or top_p < 1:
        logits = jnp.where(kept(logits, top_k, top_p), logits, -jnp.inf)
    return jax.random.categorical(key, logits).astype(jnp.int32)


def sample(
    step: Step,
    state: State,
    tokens: jax.Array,
    key: jax.Array,
    *,
    steps: int,
    end: int,
    lengths: jax.Array | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
) -> jax.Array:
    """Goes on with each row's tokens: int32 [batch, steps], as `draw` draws them; it stops when all have ended.

    tokens: int32 [batch], the last token, or [batch, time], a prompt that goes through `step` token by token.
    lengths: int32 [batch], from 1 to time, of prompts of unequal lengths; none: all full. Rows of one batch have
        their own random numbers, which do not depend on the prompts' lengths.
    """
    prompt = tokens[:, None] if tokens.ndim == 1 else tokens
    assert_shapes(prompt=(prompt, "batch time"))
    assert_integers(prompt=prompt)
    batch, time = prompt.shape
    lengths = jnp.full(batch, time) if lengths is None else lengths
    assert_shapes(prompt=(prompt, "batch time"), lengths=(lengths, "batch"))
    rows = jnp.arange(batch)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, rows)

    class Loop(NamedTuple):
        place: jax.Array  # [] of the token that is read next
        state: State
        sequences: jax.Array  # [batch, time + steps]
        ended: jax.Array  # [batch]

    def going_on(loop: Loop) -> jax.Array:
        return ~loop.ended.all()

    def body(loop: Loop) -> Loop:
        logits, state = step(loop.state, loop.sequences[:, loop.place])
        number = loop.place + 1 - lengths  # of the new token; negative within the prompt
        each = jax.vmap(jax.random.fold_in)(keys, jnp.maximum(number, 0))
        choose = jax.vmap(lambda key, logits: draw(key, logits[None], temperature, top_k, top_p)[0])
        new = jnp.where(loop.ended | (number >= steps), PAD, choose(each, logits))
        new = jnp.where(number < 0, loop.sequences[:, loop.place + 1], new)
        ended = loop.ended | ((number >= 0) & (new == end)) | (number >= steps - 1)
        return Loop(loop.place + 1, state, loop.sequences.at[:, loop.place + 1].set(new), ended)

    sequences = jnp.concatenate([prompt.astype(jnp.int32), jnp.full((batch, steps), PAD, jnp.int32)], axis=1)
    first = Loop(jnp.array(0), state, sequences, jnp.zeros(batch, bool))
    loop = jax.lax.while_loop(going_on, body, first)
    return jnp.take_along_axis(loop.sequences, lengths[:, None] + jnp.arange(steps), axis=1)


def length_penalty(length: jax.Array | int, alpha: float) -> jax.Array:
    """((5 + length) / 6)^α, by which a log-probability is divided (Wu et al. 2016, equation 14). α ≥ 0; 0: none."""
    return ((5.0 + length) / 6.0) ** alpha


def beam_search(
    step: Step,
    state: State,
    tokens: jax.Array,
    *,
    steps: int,
    end: int,
    beams: int = 4,
    alpha: float = 0.6,
) -> tuple[jax.Array, jax.Array]:
    """The best sequences found: int32 [batch, beams, steps], best first, and their scores [batch, beams].

    tokens: int32 [batch], the last token of each row. A sequence ends with `end`, or is cut off after `steps`; its
    score is the sum of its tokens' log-probabilities over the `length_penalty` of its length, `end` counted. In
    each step the most probable `beams` that have not ended go on. It stops when none of these can still be among
    the best that have ended. Where there are fewer sequences than beams, the scores of the rest are −∞.
    """
    assert_shapes(tokens=(tokens, "batch"))
    assert_integers(tokens=tokens)
    batch = len(tokens)

    class Loop(NamedTuple):
        length: jax.Array  # [] of the sequences that go on
        state: State  # rows [batch · beams]
        tokens: jax.Array  # [batch, beams, steps], of those that go on
        total: jax.Array  # [batch, beams], their log-probabilities
        ended: jax.Array  # [batch, beams, steps]
        scores: jax.Array  # [batch, beams], of those that have ended

    def going_on(loop: Loop) -> jax.Array:
        # Log-probabilities only fall; the penalty is largest at the last step.
        hope = loop.total.max(-1) / length_penalty(steps, alpha)
        return (loop.length < steps) & (hope > loop.scores.min(-1)).any()

    def body(loop: Loop) -> Loop:
        before = jax.lax.dynamic_index_in_dim(loop.tokens, loop.length - 1, 2, keepdims=False)
        last = jnp.where(loop.length == 0, jnp.broadcast_to(tokens[:, None], before.shape), before)
        logits, state = step(loop.state, last.reshape(-1))
        vocabulary = logits.shape[-1]
        total = loop.total[..., None] + jax.nn.log_softmax(logits.astype(jnp.float32)).reshape(batch, beams, -1)
        # Of twice as many as are wanted at most half have ended, one for each beam.
        total, place = jax.lax.top_k(total.reshape(batch, -1), 2 * beams)
        parent, new = place // vocabulary, (place % vocabulary).astype(jnp.int32)
        longer = _rows(loop.tokens, parent).at[:, :, loop.length].set(new)
        over = (new == end) | (loop.length == steps - 1)
        score = jnp.where(over, total / length_penalty(loop.length + 1, alpha), -jnp.inf)
        scores, best = jax.lax.top_k(jnp.concatenate([loop.scores, score], 1), beams)
        ended = _rows(jnp.concatenate([loop.ended, longer], 1), best)
        total, alive = jax.lax.top_k(jnp.where(over, -jnp.inf, total), beams)
        parent = jnp.take_along_axis(parent, alive, 1)
        flat = (parent + beams * jnp.arange(batch)[:, None]).reshape(-1)
        state = jax.tree.map(lambda x: x[flat] if x.ndim else x, state)
        return Loop(loop.length + 1, state, _rows(longer, alive), total, ended, scores)

    blank = jnp.full((batch, beams, steps), PAD, jnp.int32)
    nothing = jnp.full((batch, beams), -jnp.inf)
    state = jax.tree.map(lambda x: jnp.repeat(x, beams, axis=0) if jnp.ndim(x) else jnp.asarray(x), state)
    # At first all beams of a row are alike: only one of them counts.
    loop = Loop(jnp.array(0), state, blank, nothing.at[:, 0].set(0.0), blank, nothing)
    loop = jax.lax.while_loop(going_on, body, loop)
    return loop.ended, loop.scores


def _rows(x: jax.Array, places: jax.Array) -> jax.Array:
    """x [batch, many, …] at places [batch, few] -> [batch, few, …]."""
    return jnp.take_along_axis(x, places.reshape(*places.shape, *[1] * (x.ndim - 2)), axis=1)
