"""Reading a labelling from the outputs of connectionist temporal classification (Graves et al. 2006)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_integers, assert_shapes

IMPOSSIBLE = -1e30  # a log-probability; −∞ minus itself would be no number


def greedy(log_probs: jax.Array, steps: jax.Array, blank: int = 0) -> tuple[jax.Array, jax.Array]:
    """The labelling of the most probable alignment ("best path", section 3.2).

    log_probs [batch, time, symbols] (or logits), of which sequence b has the first steps[b] ->
    (tokens int32 [batch, time] padded with `blank`, lengths int32 [batch]).
    """
    assert_shapes(log_probs=(log_probs, "batch time symbols"), steps=(steps, "batch"))
    assert_integers(steps=steps)
    best = log_probs.argmax(-1)
    before = jnp.pad(best, ((0, 0), (1, 0)), constant_values=blank)[:, :-1]
    inside = jnp.arange(best.shape[1]) < steps[:, None]
    kept = inside & (best != blank) & (best != before)
    # Those kept to the front, in their order.
    tokens = jnp.take_along_axis(jnp.where(kept, best, blank), jnp.argsort(~kept, axis=1, stable=True), axis=1)
    return tokens.astype(jnp.int32), kept.sum(1).astype(jnp.int32)


def prefix_beam(
    log_probs: jax.Array, steps: jax.Array, beam: int = 16, longest: int | None = None, blank: int = 0
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The most probable labelling, all its alignments summed, among those a beam of prefixes reaches.

    log_probs [batch, time, symbols], log-probabilities, of which sequence b has the first steps[b] ->
    (tokens int32 [batch, longest] padded with `blank`, lengths int32 [batch], their log-probabilities [batch]).
    longest: the maximum number of tokens, by default as many as there are steps.

    Prefix beam search (Hannun et al. 2014, algorithm 1, without a language model): each of `beam` prefixes keeps
    the probability of its alignments that end in a blank and of those that do not. A beam as wide as there are
    labellings finds the most probable one; a narrower one gives a lower bound of its probability.
    """
    assert_shapes(log_probs=(log_probs, "batch time symbols"), steps=(steps, "batch"))
    assert_integers(steps=steps)
    width = longest or log_probs.shape[1]

    def one(log_probs: jax.Array, steps: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        def body(state: _Beam, at: tuple[jax.Array, jax.Array]) -> tuple[_Beam, None]:
            frame, inside = at
            new = _advance(state, frame, blank)
            return jax.tree.map(lambda new, old: jnp.where(inside, new, old), new, state), None

        inside = jnp.arange(len(log_probs)) < steps
        (prefixes, lengths, ends_blank, ends_token), _ = jax.lax.scan(
            body, _start(beam, width, blank), (log_probs.astype(jnp.float32), inside)
        )
        total = jnp.logaddexp(ends_blank, ends_token)
        best = total.argmax()
        return prefixes[best], lengths[best], total[best]

    return jax.vmap(one)(log_probs, steps)


# Prefixes [beam, longest], their lengths [beam], log-probabilities of alignments that end in a blank, in a token.
_Beam = tuple[jax.Array, jax.Array, jax.Array, jax.Array]


def _start(beam: int, width: int, blank: int) -> _Beam:
    """The empty prefix alone: the others are impossible."""
    nothing = jnp.full(beam, IMPOSSIBLE)
    return jnp.full((beam, width), blank), jnp.zeros(beam, jnp.int32), nothing.at[0].set(0.0), nothing


def _advance(state: _Beam, frame: jax.Array, blank: int) -> _Beam:
    """The beam after one more step; frame: log-probabilities [symbols]."""
    prefixes, lengths, ends_blank, ends_token = state
    beam, width = prefixes.shape
    places, symbols = jnp.arange(beam), len(frame)
    total = jnp.logaddexp(ends_blank, ends_token)
    alive = total > IMPOSSIBLE / 2
    last = jnp.where(lengths > 0, prefixes[places, lengths - 1], blank)

    # 1. A prefix stays: a blank comes, or its last token goes on.
    stay_blank = total + frame[blank]
    stay_token = jnp.where(lengths > 0, ends_token + frame[last], IMPOSSIBLE)

    # 2. It grows by a token; by its last one only after a blank.
    after = jnp.where(jnp.arange(symbols) == last[:, None], ends_blank[:, None], total[:, None])
    grown = jnp.where(lengths[:, None] < width, after + frame, IMPOSSIBLE).at[:, blank].set(IMPOSSIBLE)

    # 3. What it grows into may be in the beam already: prefix i and the last token of prefix j make prefix j.
    begins = (prefixes[:, None] == prefixes) | (jnp.arange(width) >= lengths[:, None, None])  # [i, j, width]
    makes = begins.all(-1) & (lengths == lengths[:, None] + 1) & alive & alive[:, None]  # [i, j]
    merged = jnp.where(makes, grown[:, last], IMPOSSIBLE)
    stay_token = jnp.logaddexp(stay_token, jax.nn.logsumexp(merged, axis=0))
    twice = (makes[:, :, None] & (jnp.arange(symbols) == last[:, None])).any(1)  # [i, symbols]
    grown = jnp.where(twice, IMPOSSIBLE, grown)

    # 4. The most probable of both kinds are the next beam.
    scores = jnp.concatenate([jnp.logaddexp(stay_blank, stay_token), grown.ravel()])
    _, chosen = jax.lax.top_k(scores, beam)
    stays = chosen < beam
    parent, token = jnp.where(stays, chosen, (chosen - beam) // symbols), (chosen - beam) % symbols
    grow = jnp.where(stays, width, lengths[parent])  # the place of the new token, none where the prefix stays
    next_prefixes = prefixes[parent].at[places, grow].set(token, mode="drop")
    return (
        next_prefixes,
        (lengths[parent] + ~stays).astype(jnp.int32),
        jnp.where(stays, stay_blank[parent], IMPOSSIBLE),
        jnp.where(stays, stay_token[parent], grown.ravel()[jnp.where(stays, 0, chosen - beam)]),
    )
