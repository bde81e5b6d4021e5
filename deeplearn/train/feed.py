"""The batches of a run: for each stage and replica an endless stream, stacked as the compiled steps need them."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from deeplearn import data
from deeplearn.errors import UserError
from deeplearn.train.config import Config
from deeplearn.train.experiment import Experiment, Stage
from deeplearn.train.parallel import Layout

CHUNK_BYTES = 16 * 2**20  # batches for one compiled loop
CHUNK_STEPS = 100


class Feed:
    """Batches by (stage, replica, number), each a pure function of the seed."""

    def __init__(self, experiment: Experiment, config: Config, layout: Layout) -> None:
        self.experiment, self.config, self.layout = experiment, config, layout
        self.streams = [
            [self._stream(stage, config.seed + replica) for replica in range(config.replicas)]
            for stage in experiment.stages
        ]
        # Zeros in the shape of each stage's batch: parameters must not depend on which data a host sees.
        self.examples = [
            jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), streams[0].spec) for streams in self.streams
        ]

    def _stream(self, stage: Stage, seed: int) -> Any:
        size, parts = stage.batch_size or self.config.batch_size, self.layout.ways * self.config.accumulate
        # Stages may have batches of their own, by other flags.
        where = f"stage {stage.name!r}: " if len(self.experiment.stages) > 1 else ""
        if size % parts:
            raise UserError(
                f"{where}a batch of {size} cannot be cut into {self.layout.ways} device part(s) times "
                f"{self.config.accumulate} accumulated part(s): choose a --batch_size that {parts} divides"
            )
        try:
            return data.stream(stage.data or self.experiment.data.train, size, seed, self.layout.shard)
        except UserError as error:
            raise UserError(f"{where}{error}") from None

    def chunk(self, stage: int) -> int:
        """How many steps' batches go into one compiled loop."""
        size = sum(value.nbytes for value in jax.tree.leaves(self.examples[stage])) * self.config.replicas
        return max(1, min(CHUNK_STEPS, CHUNK_BYTES // max(1, size * self.experiment.stages[stage].slots)))

    def one(self, stage: int, replicas: range, number: int) -> Any:
        """Batch `number` of each replica, stacked where there are several: [replicas, batch, ...]."""
        streams = [self.streams[stage][replica] for replica in replicas]
        beside = streams if len(streams) > 1 else ()
        return _stacked([stream.batch(number, beside) for stream in streams], 0)

    def many(self, stage: int, replicas: range, first: int, count: int) -> Any:
        """Batches first .. first + count - 1: [count, replicas, batch, ...]; no axis for a single replica."""
        streams = [self.streams[stage][replica] for replica in replicas]
        beside = streams if len(streams) > 1 else ()
        return _stacked([stream.batches(first, count, beside) for stream in streams], 1)


def _stacked(batches: list[Any], axis: int) -> Any:
    if len(batches) == 1:
        return batches[0]
    return jax.tree.map(lambda *leaves: np.stack(leaves, axis), *batches)
