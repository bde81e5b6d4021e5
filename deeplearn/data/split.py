"""A split: a fixed sequence of examples, read by index. In memory (Arrays) or decoded when read (Records).

Images are stored as uint8 levels, which is compact, and returned as float32 in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import jax
import numpy as np

from deeplearn.data.ragged import Ragged, Texts

Batch = dict[str, np.ndarray]
Spec = dict[str, jax.ShapeDtypeStruct]

# Columns of these names that are uint8 hold levels of pictures.
PICTURES = ("image", "source", "target")
# Below this size (as float32) images are stored as float32, so that a batch is one gather.
FLOAT_BYTES = 64 * 2**20


class Split(Protocol):
    """A fixed sequence of examples, each a dict of arrays.

    Conventional keys: "image" float32 [H, W, C] in [0, 1], "label" int32 [], "point" float32 [2],
    "features" float32 [F] (raw, not standardised), "target" float32 [], "tokens" int32 [time] padded with 0 and
    beside it "length" int32 [], "tags" int32 [time] as long as the tokens. A pair of texts has "source" and
    "target" int32 [time], beside them "source_length" and "target_length" int32 []; a pair of pictures has "source"
    and "target" as "image" is. "sound" float32 [time, mels], log-mel frames (`deeplearn.data.sound`), has
    "sound_length" int32 [] beside it.

    Texts are arrays of str (dtype object). `gather` and `arrays` return them, on the host; they are not in `spec`,
    streams leave them out and no device sees them.
    """

    def __len__(self) -> int: ...

    @property
    def spec(self) -> Spec:
        """Shape and dtype of one example, by key, texts left out; padded columns at their maximum width."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The names of the columns that hold texts."""

    def gather(self, indices: np.ndarray, among: np.ndarray | None = None) -> Batch:
        """The examples at `indices` [N], stacked: each value is [N, ...].

        Padded columns have the width of the narrowest bucket that holds all examples at `among`, `indices` by
        default: for a part of a batch pass the whole batch here, so that all parts have one width.
        """

    def arrays(self, limit: int | None = None) -> Batch:
        """The whole split in its order, or its first `limit` examples, stacked. Read-only.

        Padded columns have their maximum width, whatever the limit.
        """


def as_float(image: np.ndarray, levels: int | None) -> np.ndarray:
    """uint8 levels 0 .. levels - 1 to float32 in [0, 1], any shape."""
    if levels is None:
        raise ValueError("a uint8 image needs its number of levels")
    return image / np.float32(levels - 1)


def _holds_levels(key: str, dtype: np.dtype) -> bool:
    return key in PICTURES and dtype == np.uint8


def numeric(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns, or the columns of each source, without the texts: what a device can hold."""
    return {
        key: numeric(column) if isinstance(column, Mapping) else column
        for key, column in columns.items()
        if isinstance(column, Mapping) or column.dtype != object
    }


class Arrays:
    """A split in memory.

    columns: {key: [N, ...]}; a uint8 column of PICTURES holds levels 0 .. levels - 1. A `Ragged` column of
        sequences comes out padded, with its column of lengths beside it. An array of str, or `Texts`, is a column
        of texts.
    levels: how many grey levels uint8 pictures have.

    A batch of several Ragged columns uses the same bucket number for all, so that there are no more shapes than
    buckets.
    """

    def __init__(self, columns: Mapping[str, np.ndarray | Ragged | Texts], levels: int | None = None):
        sizes = {key: len(column) for key, column in columns.items()}
        if len(set(sizes.values())) != 1:
            raise ValueError(f"columns must have one number of rows, not {sizes}")
        self._levels = levels
        self._columns: dict[str, Any] = {}
        for key, column in columns.items():
            if isinstance(column, Ragged):
                self._columns[key] = column
            elif isinstance(column, Texts) or column.dtype.kind in "OU":
                self._columns[key] = column if isinstance(column, Texts) else Texts.of(column)
            else:
                if _holds_levels(key, column.dtype) and column.size * 4 <= FLOAT_BYTES:
                    column = as_float(column, levels)
                self._columns[key] = _read_only(column)
        self._ragged = {key: column for key, column in self._columns.items() if isinstance(column, Ragged)}
        for key, ragged in self._ragged.items():
            beside = self._columns.setdefault(ragged.length, _read_only(ragged.lengths))
            if not isinstance(beside, np.ndarray) or not np.array_equal(beside, ragged.lengths):
                raise ValueError(f"{ragged.length} holds other lengths than {key} has: Ragged(length=another name)")

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    @property
    def spec(self) -> Spec:
        spec = {}
        for key, column in self._columns.items():
            if isinstance(column, Ragged):
                shape = (column.buckets[-1], *column.values.shape[1:])
                spec[key] = jax.ShapeDtypeStruct(shape, column.dtype)
            elif not isinstance(column, Texts):
                dtype = np.float32 if _holds_levels(key, column.dtype) else column.dtype
                spec[key] = jax.ShapeDtypeStruct(column.shape[1:], dtype)
        return spec

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(key for key, column in self._columns.items() if isinstance(column, Texts))

    def gather(self, indices: np.ndarray, among: np.ndarray | None = None) -> Batch:
        bucket = 0
        if self._ragged:
            whole = indices if among is None else among
            bucket = max(ragged.bucket(whole) for ragged in self._ragged.values())
        return {key: self._rows(key, indices, bucket) for key in self._columns}

    def arrays(self, limit: int | None = None) -> Batch:
        return {key: self.column(key, limit) for key in self._columns}

    def column(self, key: str, limit: int | None = None) -> np.ndarray:
        """The column of that name as in `arrays`; the other columns are not read."""
        return self._rows(key, slice(limit), -1)

    def replaced(self, columns: Mapping[str, np.ndarray | Ragged | Texts | None]) -> Arrays:
        """This split with these columns replaced, or removed where they are None."""
        # Lengths are replaced with their sequences.
        lengths = {ragged.length for ragged in self._ragged.values()}
        merged = {key: column for key, column in self._columns.items() if key not in lengths} | dict(columns)
        return Arrays({key: column for key, column in merged.items() if column is not None}, self._levels)

    def _rows(self, key: str, rows: np.ndarray | slice, bucket: int) -> np.ndarray:
        column = self._columns[key]
        if isinstance(column, np.ndarray):
            found = column[rows] if isinstance(rows, slice) else column.take(rows, axis=0)
            return as_float(found, self._levels) if _holds_levels(key, column.dtype) else found
        places = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows)
        if isinstance(column, Texts):
            return column.strings(places)
        return column.padded(places, column.buckets[min(bucket, len(column.buckets) - 1)])


def _read_only(column: np.ndarray) -> np.ndarray:
    # Views are returned without a copy, so they must not be written to.
    column = column.view()
    column.flags.writeable = False
    return column


class Records:
    """A split too large for memory: records decoded when they are read, in grain's threads.

    source: random access to encoded records, source[i].
    decode: record → {key: array}; a uint8 column of PICTURES holds levels 0 .. levels - 1.
    columns: {key: (shape, dtype)} of what decode returns; dtype object is a text. None is padded.
    order: which records make up this split, in its order; None for all of them.
    """

    def __init__(
        self,
        source: Sequence[Any],
        decode: Callable[[Any], Mapping[str, Any]],
        columns: Mapping[str, tuple[tuple[int, ...], Any]],
        levels: int | None = None,
        order: np.ndarray | None = None,
    ):
        self._source = source
        self._decode = decode
        self._dtypes = {key: np.dtype(dtype) for key, (_, dtype) in columns.items()}
        self._shapes = {key: shape for key, (shape, _) in columns.items()}
        self._levels = levels
        self._order = np.arange(len(source)) if order is None else np.asarray(order)

    def __len__(self) -> int:
        return len(self._order)

    @property
    def spec(self) -> Spec:
        return {
            key: jax.ShapeDtypeStruct(self._shapes[key], np.float32 if _holds_levels(key, dtype) else dtype)
            for key, dtype in self._dtypes.items()
            if dtype.kind != "O"
        }

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(key for key, dtype in self._dtypes.items() if dtype.kind == "O")

    def gather(self, indices: np.ndarray, among: np.ndarray | None = None) -> Batch:
        import grain

        wanted = self._order[np.asarray(indices)]
        examples = (
            grain.MapDataset.source(wanted.tolist())
            .map(lambda index: self._decode(self._source[index]))
            .to_iter_dataset(grain.ReadOptions(num_threads=16, prefetch_buffer_size=64))
        )
        batch = {key: np.empty((len(wanted), *self._shapes[key]), dtype) for key, dtype in self._dtypes.items()}
        for row, example in enumerate(examples):
            for key, column in batch.items():
                column[row] = example[key]
        return {
            key: as_float(column, self._levels) if _holds_levels(key, column.dtype) else column
            for key, column in batch.items()
        }

    def arrays(self, limit: int | None = None) -> Batch:
        return self.gather(np.arange(len(self))[:limit])
