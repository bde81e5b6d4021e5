"""Sequences of tokens as the columns of three splits, and what is to be said about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from deeplearn.data.partition import own_splits, repeated
from deeplearn.data.ragged import Ragged, halvings
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError

SEED = 0


def cut_splits(
    file: Path, given: Mapping[str, np.ndarray], label: np.ndarray, classes: Sequence[str] = ()
) -> tuple[dict[str, np.ndarray], list[str]]:
    """`own_splits` by the one seed; its UserError names the file."""
    try:
        return own_splits(given, label, classes, SEED)
    except UserError as error:
        raise UserError(f"in {file} {error}") from None


def ragged(
    sequences: Sequence[np.ndarray], orders: Mapping[str, np.ndarray], length: str = "length"
) -> dict[str, Ragged]:
    """{split: its sequences}, all with the buckets of the longest sequence, so that all have the same few shapes.

    sequences: int32 [time] each, none empty. orders: {split: indices}. length: the name of the column of lengths.
    """
    buckets = halvings(max(map(len, sequences)))
    return {
        split: Ragged.of([sequences[row] for row in order], buckets=buckets, length=length)
        for split, order in orders.items()
    }


def said(
    what: str, sequences: Sequence[Sequence[str]], orders: Mapping[str, np.ndarray], vocabulary: Vocabulary
) -> list[str]:
    """Notes: how many sequences of tokens there are and how long, and what of them training does not show.

    what: what a sequence is, such as "texts".
    """
    lengths, unit = [len(one) for one in sequences], vocabulary.level
    notes = [f"{len(sequences)} {what} of {min(lengths)} to {max(lengths)} {unit}s"]
    for split in ("validation", "test"):
        notes += unseen((sequences[row] for row in orders[split]), split, vocabulary)
    return notes


def again(what: str, sequences: Sequence[Sequence[str]], orders: Mapping[str, np.ndarray]) -> list[str]:
    """A note for each split some of whose sequences are in train as well: its numbers will be too good."""
    return repeated([np.frombuffer("\0".join(one).encode(), np.uint8) for one in sequences], orders, what)


def unseen(sequences: Iterable[Iterable[str]], split: str, vocabulary: Vocabulary) -> list[str]:
    """A note where tokens of these sequences, iterated once, are not in the vocabulary."""
    ids = np.concatenate([vocabulary.encode(one) for one in sequences])
    missing = int((ids == vocabulary.unknown).sum())
    if not missing:
        return []
    return [f"{missing} of {len(ids)} {vocabulary.level}s in {split} are not in train: they are one unknown token"]
