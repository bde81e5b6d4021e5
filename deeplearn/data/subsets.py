"""Smaller training sets within larger ones."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from deeplearn.data.split import Arrays, Batch, Spec, Split


class Chosen:
    """Some rows of another split, read when one of them is first needed, and kept.

    rows: their indices there, [n], or a function that finds them when they are first needed.
    columns: which ones, () for all. place: the name of one more column, int32 [], the index of an
    example among the chosen; none if empty.
    """

    def __init__(
        self,
        split: Split,
        rows: np.ndarray | Callable[[], np.ndarray],
        columns: Sequence[str] = (),
        place: str = "",
    ) -> None:
        self._split, self._find, self._place = split, rows, place
        self._columns = tuple(columns) or (*split.spec, *split.texts)

    @functools.cached_property
    def _rows(self) -> np.ndarray:
        return self._find() if callable(self._find) else self._find

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def spec(self) -> Spec:
        own = {key: one for key, one in self._split.spec.items() if key in self._columns}
        return own | ({self._place: jax.ShapeDtypeStruct((), np.int32)} if self._place else {})

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(key for key in self._split.texts if key in self._columns)

    @functools.cached_property
    def _read(self) -> Arrays:
        found = self._split.gather(self._rows)
        place = {self._place: np.arange(len(self), dtype=np.int32)} if self._place else {}
        return Arrays({key: found[key] for key in self._columns} | place)

    def gather(self, indices: np.ndarray, among: np.ndarray | None = None) -> Batch:
        return self._read.gather(indices, among)

    def arrays(self, limit: int | None = None) -> Batch:
        return self._read.arrays(limit)


def spaced(rows: int, limit: int) -> np.ndarray:
    """The indices of at most `limit` of so many rows, evenly spaced: data may be ordered."""
    return np.linspace(0, rows - 1, min(limit, rows)).round().astype(int)


def evenly_spaced(split: Split, limit: int, among: np.ndarray | None = None) -> Batch:
    """At most `limit` examples of the split, or of its rows `among` [n], evenly spaced."""
    rows = spaced(len(split) if among is None else len(among), limit)
    return split.gather(rows if among is None else among[rows])


def joined(parts: Sequence[Batch]) -> Batch:
    """The rows of several parts, one after the other, of the columns of the first.

    Sequences that one part has narrower than another, because its longest is shorter, are padded with zeros.
    """

    def padded(column: np.ndarray, width: int) -> np.ndarray:
        return np.pad(column, [(0, 0), (0, width - column.shape[1])] + [(0, 0)] * (column.ndim - 2))

    found = {}
    for key in parts[0]:
        columns = [part[key] for part in parts]
        if columns[0].ndim > 1 and len(widths := {column.shape[1] for column in columns}) > 1:
            columns = [padded(column, max(widths)) for column in columns]
        found[key] = np.concatenate(columns)
    return found


def nested(count: int, fractions: Sequence[float]) -> tuple[np.ndarray, list[int]]:
    """(an order of the examples [count], sizes of the subsets): a subset of size n is the first n of this order.

    fractions: of all examples, one for each subset; none is empty. Every call returns the same order.
    """
    return np.random.default_rng(0).permutation(count), [max(1, round(fraction * count)) for fraction in fractions]


def side_by_side(columns: Mapping[str, np.ndarray], order: np.ndarray, sizes: Sequence[int]) -> Arrays:
    """The subsets of `nested` in one split, [N, ...] -> [N, subsets, ...], so that a batch has examples of each.

    Smaller subsets are repeated until all N examples have been seen.
    """
    rows = np.stack([order[np.arange(len(order)) % size] for size in sizes], 1)  # [N, subsets]
    return Arrays({key: column[rows] for key, column in columns.items()})
