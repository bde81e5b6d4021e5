"""Batches without end: freshly shuffled epochs laid end to end, as a pure function of (seed, index).

Nothing is remembered between batches, so a run that is killed asks for batch 1001 and gets batch 1001.
"""

import numpy as np

from deeplearn.data.split import Batch, Split
from deeplearn.errors import UserError


class Stream:
    """Shuffled batches of a split: batch i is examples i·B .. (i+1)·B of the endless sequence of epochs.

    Every example comes exactly once an epoch and no remainder is dropped: a batch may cross the end of an
    epoch. shard=(p, P) yields the p-th of P equal parts of each global batch, for the p-th of P hosts.

    Raises UserError when the batch is larger than the split or does not divide into P parts.
    """

    def __init__(self, split: Split, batch_size: int, seed: int, shard: tuple[int, int] = (0, 1)):
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
        self._first = batch_size // parts * part
        self._rows = batch_size // parts
        self._permutations: dict[int, np.ndarray] = {}

    def batch(self, index: int) -> Batch:
        """Batch `index`, counted from 0: {key: [B / P, ...]}."""
        return self.split.gather(self._indices(index))

    def batches(self, first: int, count: int) -> Batch:
        """Batches first .. first + count - 1, stacked in one gather: {key: [count, B / P, ...]}."""
        indices = np.concatenate([self._indices(first + offset) for offset in range(count)])
        rows = self.split.gather(indices)
        return {key: value.reshape(count, self._rows, *value.shape[1:]) for key, value in rows.items()}

    def _indices(self, index: int) -> np.ndarray:
        epoch, start = divmod(index * self.batch_size + self._first, len(self.split))
        within = self._permutation(epoch)[start : start + self._rows]
        if len(within) == self._rows:
            return within
        return np.concatenate([within, self._permutation(epoch + 1)[: self._rows - len(within)]])

    def _permutation(self, epoch: int) -> np.ndarray:
        # Only a cache: what it returns depends on (seed, epoch) alone.
        permutation = self._permutations.get(epoch)
        if permutation is None:
            permutation = np.random.default_rng((self._seed, epoch)).permutation(len(self.split))
            # Two epochs are enough for batches that cross a boundary.
            kept = sorted(self._permutations.items())[-1:]
            self._permutations = {**dict(kept), epoch: permutation}
        return permutation
