"""A split: a fixed sequence of examples, read by index. In memory (Arrays) or decoded when asked (Records).

Images are kept as uint8 levels, their compact form, and come out as float32 in [0, 1].
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import jax
import numpy as np

Batch = dict[str, np.ndarray]

# Below this size (as float32) images are kept ready as float32, so that a batch is one gather.
FLOAT_BYTES = 64 * 2**20


class Split(Protocol):
    """A fixed sequence of examples, each a dict of arrays.

    Conventional keys: "image" float32 [H, W, C] in [0, 1], "label" int32 [], "point" float32 [2],
    "features" float32 [F] (raw, not standardised), "target" float32 [].
    """

    def __len__(self) -> int: ...

    @property
    def spec(self) -> dict[str, jax.ShapeDtypeStruct]:
        """Shape and dtype of one example, by key."""

    def gather(self, indices: np.ndarray) -> Batch:
        """The examples at `indices` [N], stacked: each value is [N, ...]."""

    def arrays(self, limit: int | None = None) -> Batch:
        """The whole split in its order, or its first `limit` examples, stacked. Read-only."""


def as_float(image: np.ndarray, levels: int | None) -> np.ndarray:
    """uint8 levels 0 .. levels - 1 to float32 in [0, 1], any shape."""
    if levels is None:
        raise ValueError("a uint8 image needs its number of levels")
    return image / np.float32(levels - 1)


class Arrays:
    """A split in memory.

    columns: {key: [N, ...]}; a uint8 "image" holds levels 0 .. levels - 1.
    levels: how many grey levels a uint8 "image" has.
    """

    def __init__(self, columns: Mapping[str, np.ndarray], levels: int | None = None):
        lengths = {key: len(column) for key, column in columns.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"columns must share one length, not {lengths}")
        self._levels = levels
        self._columns = dict(columns)
        self._quantised = "image" in columns and columns["image"].dtype == np.uint8
        if self._quantised and columns["image"].size * 4 <= FLOAT_BYTES:
            self._columns["image"] = as_float(columns["image"], levels)
            self._quantised = False
        for key, column in self._columns.items():
            # Views go out without a copy, so nobody may write into them.
            self._columns[key] = column.view()
            self._columns[key].flags.writeable = False

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    @property
    def spec(self) -> dict[str, jax.ShapeDtypeStruct]:
        return {
            key: jax.ShapeDtypeStruct(
                column.shape[1:], np.float32 if key == "image" and self._quantised else column.dtype
            )
            for key, column in self._columns.items()
        }

    def gather(self, indices: np.ndarray) -> Batch:
        return self._floats({key: column.take(indices, axis=0) for key, column in self._columns.items()})

    def arrays(self, limit: int | None = None) -> Batch:
        return self._floats({key: column[:limit] for key, column in self._columns.items()})

    def _floats(self, columns: Batch) -> Batch:
        if self._quantised:
            columns["image"] = as_float(columns["image"], self._levels)
        return columns


class Records:
    """A split too large for memory: records decoded when they are asked for, in grain's threads.

    source: random access to encoded records, source[i].
    decode: record → {key: array}; a uint8 "image" holds levels 0 .. levels - 1.
    columns: {key: (shape, dtype)} of what decode returns.
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
    def spec(self) -> dict[str, jax.ShapeDtypeStruct]:
        return {
            key: jax.ShapeDtypeStruct(self._shapes[key], np.float32 if self._is_levels(key) else dtype)
            for key, dtype in self._dtypes.items()
        }

    def gather(self, indices: np.ndarray) -> Batch:
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
            key: as_float(column, self._levels) if self._is_levels(key) else column for key, column in batch.items()
        }

    def arrays(self, limit: int | None = None) -> Batch:
        return self.gather(np.arange(len(self))[:limit])

    def _is_levels(self, key: str) -> bool:
        return key == "image" and self._dtypes[key] == np.uint8
