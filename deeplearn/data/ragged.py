"""Columns whose rows differ in length, stored one after another: sequences, which are padded when read, and texts.

    split = Arrays({"tokens": Ragged.of([[5, 6, 7], [8]]), "text": Texts.of(["abc", "d"])})
    split.arrays()     # tokens [2, 3] = [[5, 6, 7], [8, 0, 0]], length [2] = [3, 1], text ["abc", "d"]

Padding goes to one of a few widths (buckets), so that a compiled function sees at most that many shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deeplearn.errors import UserError

BUCKETS = 4  # number of widths that a column of sequences is padded to, by default


def halvings(longest: int, count: int = BUCKETS) -> tuple[int, ...]:
    """At most `count` widths, ascending: the longest length, half of it rounded up, a quarter, ...

    A batch is then padded to less than twice its longest sequence, unless that is shorter than the first width.
    """
    widths = {max(1, -(-longest // 2**power)) for power in range(count)}
    return tuple(sorted(widths))


class Ragged:
    """Sequences of unequal length: sequence i is values[offsets[i] : offsets[i + 1]].

    values: [total, ...], such as int32 [total] for tokens or float16 [total, features] for frames of sound; half
        precision is for storage, and is read as float32.
    offsets: whole numbers [N + 1], ascending, from 0 to total.
    buckets: widths that batches are padded to, ascending; None is the `halvings` of the longest length. Give the
        other splits the train split's, so that all have the same few shapes.
    pad: the value after the end of a sequence.
    limit: the longest length allowed; None is no limit, or the last of `buckets` where they are given.
    length: the name of the column of lengths, int32 [], that belongs to this one. Columns whose sequences are
        equally long row by row, such as words and their tags, may name the same one.

    Raises UserError naming the first row that is too long.
    """

    def __init__(
        self,
        values: np.ndarray,
        offsets: np.ndarray,
        buckets: Sequence[int] | None = None,
        pad: Any = 0,
        limit: int | None = None,
        length: str = "length",
    ):
        self.values, self.offsets, self.pad, self.length = values, np.asarray(offsets, np.int64), pad, length
        self.lengths = np.diff(self.offsets).astype(np.int32)
        if self.offsets[0] != 0 or self.offsets[-1] != len(values) or (self.lengths < 0).any():
            raise ValueError(f"offsets must ascend from 0 to the {len(values)} values")
        self.buckets = tuple(buckets or halvings(int(self.lengths.max(initial=0))))
        if list(self.buckets) != sorted(set(self.buckets)) or self.buckets[0] < 1:
            raise ValueError(f"buckets must be ascending widths of at least 1, not {self.buckets}")
        allowed = min(self.buckets[-1] if buckets else np.inf, np.inf if limit is None else limit)
        for row in np.flatnonzero(self.lengths > allowed)[:1]:
            raise UserError(
                f"row {row} has a sequence of length {self.lengths[row]}, longer than the {allowed} allowed: "
                "shorten it, leave it out, or allow more."
            )

    @classmethod
    def of(cls, sequences: Sequence[Any], dtype: Any = np.int32, **keywords: Any) -> Ragged:
        """A column of these sequences, each [length, ...], at least one; `keywords` are the constructor's."""
        arrays = [np.asarray(sequence, dtype) for sequence in sequences]
        return cls(np.concatenate(arrays), _offsets([len(array) for array in arrays]), **keywords)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def dtype(self) -> np.dtype:
        """The type of `padded`."""
        return np.dtype(np.float32) if self.values.dtype == np.float16 else self.values.dtype

    def bucket(self, rows: np.ndarray) -> int:
        """The number of the narrowest bucket that holds all of these rows."""
        return int(np.searchsorted(self.buckets, self.lengths[rows].max(initial=0)))

    def padded(self, rows: np.ndarray, width: int) -> np.ndarray:
        """These rows as one array [len(rows), width, ...]; `width` is at least their longest length."""
        inside = np.arange(width) < self.lengths[rows][:, None]  # [rows, width]
        places = self.offsets[:-1][rows][:, None] + np.arange(width)
        column = np.full((len(rows), width, *self.values.shape[1:]), self.pad, self.dtype)
        column[inside] = self.values[places[inside]]
        return column


class Texts:
    """A column of texts as UTF-8: text i is utf8[offsets[i] : offsets[i + 1]], uint8 [total], offsets [N + 1]."""

    def __init__(self, utf8: np.ndarray, offsets: np.ndarray):
        self.utf8, self.offsets = utf8, offsets

    @classmethod
    def of(cls, texts: Sequence[str] | np.ndarray) -> Texts:
        # What UTF-8 cannot hold (half a surrogate pair) becomes a question mark.
        encoded = [str(text).encode("utf-8", "replace") for text in texts]
        return cls(np.frombuffer(b"".join(encoded), np.uint8), _offsets([len(text) for text in encoded]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def strings(self, rows: np.ndarray) -> np.ndarray:
        """These rows as an array of str, dtype object [len(rows)]."""
        texts = np.empty(len(rows), object)
        view = memoryview(self.utf8.data)
        starts, ends = self.offsets[:-1][rows].tolist(), self.offsets[1:][rows].tolist()
        for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
            texts[place] = str(view[start:end], "utf-8")
        return texts


def _offsets(lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
