"""Endless batches: freshly shuffled epochs one after another, as a pure function of (seed, index).

Nothing is remembered between batches, so a run that was killed at batch 1000 continues with batch 1001.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from deeplearn.data.split import Batch, Spec, Split
from deeplearn.data.unpaired import Unpaired
from deeplearn.errors import UserError

# A split of at least so many examples has no epochs: examples are drawn, hardly ever one twice.
ENDLESS = 2**31


class Stream:
    """Shuffled batches of a split: batch i is examples i·B .. (i+1)·B of the endless sequence of epochs.

    Every example comes exactly once an epoch and no remainder is dropped: a batch may cross the end of an
    epoch. shard=(p, P) yields the p-th of P equal parts of each global batch, for the p-th of P hosts.
    number: which of several unpaired sources this is; each has its own permutations.
    A split of ENDLESS examples or more is never shuffled: each batch is drawn from it.

    Texts are left out. Padded columns have the width of the narrowest bucket that holds the longest sequence of the
    global batch, so that all its parts have one width; `batches` pads all its batches to the widest.

    Raises UserError when the batch is larger than the split or does not divide into P parts.
    """

    def __init__(self, split: Split, batch_size: int, seed: int, shard: tuple[int, int] = (0, 1), number: int = 0):
        part, parts = shard
        if batch_size < 1:
            raise UserError(f"the batch size is {batch_size}: choose at least 1.")
        if batch_size > len(split):
            raise UserError(
                f"a batch of {batch_size} is larger than the split's {len(split)} examples: "
                f"choose a batch size of at most {len(split)}."
            )
        if batch_size % parts:
            raise UserError(
                f"a batch of {batch_size} does not divide into {parts} equal shards: choose a multiple of {parts}."
            )
        if seed < 0:
            raise UserError(f"the seed is {seed}: choose 0 or more.")
        self.split = split
        self.batch_size = batch_size
        self._seed = seed
        self._number = number
        self._rows = batch_size // parts
        self._part = slice(self._rows * part, self._rows * (part + 1))
        self._texts = split.texts
        self._permutations: dict[int, np.ndarray] = {}

    @property
    def spec(self) -> Spec:
        """Shape [B / P, ...] and dtype of the values of `batch`, padded columns at their maximum width."""
        return {
            key: jax.ShapeDtypeStruct((self._rows, *one.shape), one.dtype) for key, one in self.split.spec.items()
        }

    def batch(self, index: int, beside: Sequence[Stream] = ()) -> Batch:
        """Batch `index`, counted from 0: {key: [B / P, ...]}.

        beside: streams of the same split with other seeds; padded columns are wide enough for theirs too, so that
        the batches of several replicas can be stacked.
        """
        whole = self._indices(index)
        return self._gather(whole[self._part], np.concatenate([whole, *(one._indices(index) for one in beside)]))

    def batches(self, first: int, count: int, beside: Sequence[Stream] = ()) -> Batch:
        """Batches first .. first + count - 1, stacked in one gather: {key: [count, B / P, ...]}."""
        whole = self._range(first, count)
        among = np.concatenate([whole, *(one._range(first, count) for one in beside)])
        rows = self._gather(whole[:, self._part].ravel(), among.ravel())
        return {key: value.reshape(count, self._rows, *value.shape[1:]) for key, value in rows.items()}

    def _gather(self, indices: np.ndarray, among: np.ndarray) -> Batch:
        columns = self.split.gather(indices, among)
        for name in self._texts:
            del columns[name]
        return columns

    def _range(self, first: int, count: int) -> np.ndarray:
        """The examples of global batches, [count, B]."""
        return np.stack([self._indices(first + offset) for offset in range(count)])

    def _indices(self, index: int) -> np.ndarray:
        """The examples of a global batch, [B]."""
        if len(self.split) >= ENDLESS:
            rng = np.random.default_rng((self._seed, index, self._number))
            return rng.integers(len(self.split), size=self.batch_size)
        epoch, start = divmod(index * self.batch_size, len(self.split))
        within = self._permutation(epoch)[start : start + self.batch_size]
        if len(within) == self.batch_size:
            return within
        return np.concatenate([within, self._permutation(epoch + 1)[: self.batch_size - len(within)]])

    def _permutation(self, epoch: int) -> np.ndarray:
        # Only a cache: what it returns depends on (seed, epoch, number) alone.
        permutation = self._permutations.get(epoch)
        if permutation is None:
            rng = np.random.default_rng((self._seed, epoch, self._number))
            permutation = rng.permutation(len(self.split))
            # Two epochs are enough for batches that cross a boundary.
            kept = sorted(self._permutations.items())[-1:]
            self._permutations = {**dict(kept), epoch: permutation}
        return permutation


class UnpairedStream:
    """Batches of unpaired sources: {source: {key: [B / P, ...]}}, from each source as many examples.

    Source number n of `unpaired` has its own epochs and its own permutations, those of Stream(number=n). Arguments
    and errors are those of `Stream`.
    """

    def __init__(self, unpaired: Unpaired, batch_size: int, seed: int, shard: tuple[int, int] = (0, 1)):
        for name, split in unpaired.sources.items():
            if batch_size > len(split):
                raise UserError(
                    f"a batch of {batch_size} is larger than the {len(split)} examples of {name}: "
                    f"choose a batch size of at most {len(split)}."
                )
        self.split = unpaired
        self.batch_size = batch_size
        self._streams = {
            name: Stream(split, batch_size, seed, shard, number)
            for number, (name, split) in enumerate(unpaired.sources.items())
        }

    @property
    def spec(self) -> dict[str, Any]:
        """{source: shape [B / P, ...] and dtype by key}."""
        return {name: one.spec for name, one in self._streams.items()}

    def batch(self, index: int, beside: Sequence[UnpairedStream] = ()) -> dict[str, Batch]:
        """Batch `index`, counted from 0: {source: {key: [B / P, ...]}}. beside: as for `Stream`."""
        return {
            name: one.batch(index, [other._streams[name] for other in beside])
            for name, one in self._streams.items()
        }

    def batches(self, first: int, count: int, beside: Sequence[UnpairedStream] = ()) -> dict[str, Batch]:
        """Batches first .. first + count - 1, stacked: {source: {key: [count, B / P, ...]}}."""
        return {
            name: one.batches(first, count, [other._streams[name] for other in beside])
            for name, one in self._streams.items()
        }


def stream(
    source: Split | Unpaired, batch_size: int, seed: int, shard: tuple[int, int] = (0, 1)
) -> Stream | UnpairedStream:
    """The stream of one split or of unpaired ones."""
    kind: Any = UnpairedStream if isinstance(source, Unpaired) else Stream
    return kind(source, batch_size, seed, shard)
