"""Connectionist temporal classification: the likelihood of a labelling, summed over all its alignments."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from deeplearn.mean import Mean
from deeplearn.nn.checks import assert_integers, assert_shapes


def ctc(logits: jax.Array, steps: jax.Array, tokens: jax.Array, lengths: jax.Array, blank: int = 0) -> Mean:
    """−log p(tokens | logits) in nats per token (Graves, Fernández, Gomez & Schmidhuber 2006, equations 6 to 8).

    logits [batch, time, symbols], of which sequence b has the first steps[b]; tokens [batch, labels] int32 without
    `blank`, of which sequence b has the first lengths[b]. What lies beyond does not matter.

    A labelling that does not fit into its steps (one for each token, and a blank between equal neighbours) has no
    alignment; it is left out, as torch does with `zero_infinity`.
    """
    each = jnp.where(alignable(steps, tokens, lengths), ctc_each(logits, steps, tokens, lengths, blank), 0)
    weight = jnp.where(alignable(steps, tokens, lengths), lengths, 0)
    return Mean(each.sum(), weight.sum().astype(jnp.float32))


def ctc_each(
    logits: jax.Array, steps: jax.Array, tokens: jax.Array, lengths: jax.Array, blank: int = 0
) -> jax.Array:
    """−log p(tokens | logits) of each sequence in nats, float32 [batch]; arguments are those of `ctc`.

    Where there is no alignment it is a large number.
    """
    assert_shapes(
        logits=(logits, "batch time symbols"),
        steps=(steps, "batch"),
        tokens=(tokens, "batch labels"),
        lengths=(lengths, "batch"),
    )
    assert_integers(steps=steps, tokens=tokens, lengths=lengths)
    outside = (jnp.arange(logits.shape[1]) >= steps[:, None]).astype(jnp.float32)
    unlabelled = (jnp.arange(tokens.shape[1]) >= lengths[:, None]).astype(jnp.float32)
    return optax.ctc_loss(logits.astype(jnp.float32), outside, tokens, unlabelled, blank_id=blank)


def alignable(steps: jax.Array, tokens: jax.Array, lengths: jax.Array) -> jax.Array:
    """Whether each labelling fits into its steps, [batch]."""
    inside = jnp.arange(1, tokens.shape[1]) < lengths[:, None]
    repeats = ((tokens[:, 1:] == tokens[:, :-1]) & inside).sum(1)
    return steps >= lengths + repeats
