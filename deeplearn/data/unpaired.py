"""Sources whose examples do not belong together row by row, as in translation between two sets of pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.split import Arrays, Batch, Spec, Split


class Unpaired:
    """Two or more splits that one stage draws from, each in its own order.

    Unpaired(source=photographs, target=paintings); `data.stream` makes its batches, {source: {key: [B, ...]}}. The
    splits may differ in size and in columns. Their order matters: it determines which permutations each gets.
    """

    def __init__(self, **sources: Split):
        if not sources:
            raise ValueError("name at least one source")
        self.sources = sources

    def __len__(self) -> int:
        """The size of the largest source."""
        return max(map(len, self.sources.values()))

    @property
    def spec(self) -> dict[str, Spec]:
        """{source: shape and dtype of one example by key}, texts left out."""
        return {name: split.spec for name, split in self.sources.items()}

    @property
    def texts(self) -> dict[str, tuple[str, ...]]:
        """{source: the names of its columns that hold texts}."""
        return {name: split.texts for name, split in self.sources.items()}

    def arrays(self, limit: int | None = None) -> dict[str, Batch]:
        """{source: its arrays, or its first `limit` examples}; the sources keep their own sizes."""
        return {name: split.arrays(limit) for name, split in self.sources.items()}


class Side:
    """Some columns of a split, as a split of its own: its first `rows` rows. columns: {name here: name there}."""

    texts: tuple[str, ...] = ()

    def __init__(self, split: Split, columns: Mapping[str, str], rows: int) -> None:
        self.split, self.columns, self.rows = split, columns, rows

    def __len__(self) -> int:
        return self.rows

    @property
    def spec(self) -> Spec:
        return {name: self.split.spec[column] for name, column in self.columns.items()}

    def gather(self, indices: np.ndarray, among: np.ndarray | None = None) -> Batch:
        return self._own(self.split.gather(indices))

    def arrays(self, limit: int | None = None) -> Batch:
        return self._own(self.split.arrays(min(self.rows, limit or self.rows)))

    def _own(self, batch: Batch) -> Batch:
        return {name: batch[column] for name, column in self.columns.items()}


class Beside:
    """Splits of pictures as columns of one split, as long as the longest: the others begin again at their end."""

    texts: tuple[str, ...] = ()

    def __init__(self, **sides: Split) -> None:
        self.sides = sides

    def __len__(self) -> int:
        return max(map(len, self.sides.values()))

    @property
    def spec(self) -> Spec:
        return {name: split.spec["image"] for name, split in self.sides.items()}

    def gather(self, indices: np.ndarray, among: np.ndarray | None = None) -> Batch:
        rows = np.asarray(indices)
        return {name: split.gather(rows % len(split))["image"] for name, split in self.sides.items()}

    def arrays(self, limit: int | None = None) -> Batch:
        return self.gather(np.arange(len(self))[:limit])


def unpaired(dataset: Dataset) -> Unpaired:
    """The training examples of a set with columns `source` and `target`, {source: {"image"}, target: {"image"}}.

    about["sizes"], where the set has it, is how many examples each of the two has: `Beside` repeats the fewer.
    """
    sizes = dataset.about.get("sizes", (len(dataset.train),) * 2)
    sides: dict[str, Split] = {
        name: Side(dataset.train, {"image": name}, rows)
        for name, rows in zip(("source", "target"), sizes, strict=True)
    }
    return Unpaired(**sides)


def targets(dataset: Dataset) -> Dataset:
    """The targets of a set of pairs as `image`, with their labels: what a judge of translations is trained on."""
    splits: dict[str, Any] = {}
    for name in ("train", "validation", "test"):
        split = getattr(dataset, name)
        if isinstance(split, Arrays):
            split = split.replaced({"image": split.column("target"), "source": None, "target": None})
        splits[name] = split
    return dataclasses.replace(dataset, name=f"{dataset.name}, targets", facts={}, **splits)
