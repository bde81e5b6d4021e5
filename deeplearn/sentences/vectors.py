"""How an encoder reads a sentence, and the vector that its hidden states become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from deeplearn.data.vocabulary import Vocabulary
from deeplearn.models.token_classifier import pool

POOLINGS = {"first": "by the first token", "mean": "by the mean", "last": "by the last token"}


def enclosed(batch: Mapping[str, jax.Array], longest: int) -> tuple[jax.Array, jax.Array]:
    """(tokens int32 [batch, time + 2], their lengths [batch]): `begin`, the sentence's first tokens, `end`.

    `begin` stands where BERT has [CLS], `end` where it has [SEP]. Of a longer sentence `longest` tokens are read.
    """
    tokens, length = batch["tokens"][:, :longest], jnp.minimum(batch["length"], longest)
    place = jnp.arange(tokens.shape[1] + 2)
    found = jnp.pad(tokens, ((0, 0), (1, 1)))
    found = jnp.where(place == 0, Vocabulary.begin, jnp.where(place == length[:, None] + 1, Vocabulary.end, found))
    return found, length + 2


def sentence_vectors(model: Any, batch: Mapping[str, jax.Array], longest: int) -> dict[str, jax.Array]:
    """{pooling: [batch, width]} of a bound encoder's last hidden states: for each of POOLINGS."""
    tokens, lengths = enclosed(batch, longest)
    hidden = model(tokens, lengths)
    return {"first": hidden[:, 0], **{how: pool(hidden, lengths, how) for how in ("mean", "last")}}
