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


def ragged(splits: Mapping[str, Sequence[np.ndarray]], length: str = "length") -> dict[str, Ragged]:
    """{split: its sequences}, all with the buckets of the longest sequence, so that all have the same few shapes.

    splits: int32 [time] each, none empty. length: the name of the column of lengths.
    """
    buckets = halvings(max(len(one) for sequences in splits.values() for one in sequences))
    return {split: Ragged.of(sequences, buckets=buckets, length=length) for split, sequences in splits.items()}


def said(what: str, splits: Mapping[str, Sequence[np.ndarray]], vocabulary: Vocabulary) -> list[str]:
    """Notes: how many sequences of ids there are and how long, and what of them training does not show.

    what: what a sequence is, such as "texts".
    """
    lengths, unit = [len(one) for sequences in splits.values() for one in sequences], vocabulary.level
    notes = [f"{len(lengths)} {what} of {min(lengths)} to {max(lengths)} {unit}s"]
    for split in ("validation", "test"):
        notes += unseen(splits[split], split, vocabulary)
    return notes


def again(what: str, splits: Mapping[str, Sequence[str]]) -> list[str]:
    """A note for each split some of whose texts are in train as well: its numbers will be too good."""
    texts = [
        np.frombuffer(text.encode("utf-8", "replace"), np.uint8) for split in splits.values() for text in split
    ]
    ends = np.cumsum([len(split) for split in splits.values()])
    orders = {name: np.arange(end - len(splits[name]), end) for name, end in zip(splits, ends, strict=True)}
    return repeated(texts, orders, what)


def unseen(sequences: Iterable[np.ndarray], split: str, vocabulary: Vocabulary) -> list[str]:
    """A note where sequences of ids, iterated once, hold tokens that are not in the vocabulary."""
    ids = np.concatenate(list(sequences))
    missing = int((ids == vocabulary.unknown).sum())
    if not missing:
        return []
    return [f"{missing} of {len(ids)} {vocabulary.level}s in {split} are not in train: they are one unknown token"]
