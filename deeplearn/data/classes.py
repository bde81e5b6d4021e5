"""Tasks made from some classes of a set of labelled images, at one size."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import jax
import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.split import Arrays, Batch, Spec, Split
from deeplearn.data.subsets import Chosen, evenly_spaced
from deeplearn.errors import UserError

SCAN_LIMIT = 20_000  # examples of a split that are read
BLOCK = 500  # examples in memory while labels alone are wanted


def resized(image: np.ndarray, height: int, width: int, channels: int) -> np.ndarray:
    """[N, H, W, C] -> [N, height, width, channels]; colours are averaged, or the grey repeated.

    UserError where the channels differ and neither are one: colours do not become others.
    """
    if image.shape[-1] != channels and 1 not in (image.shape[-1], channels):
        raise UserError(
            f"pictures of {image.shape[-1]} channels cannot stand beside pictures of {channels}: only grey ones "
            "can be made coloured, or coloured ones grey"
        )
    if image.shape[1:3] != (height, width):
        image = np.asarray(jax.image.resize(image, (len(image), height, width, image.shape[-1]), "linear"))
    if image.shape[-1] != channels:
        image = np.repeat(image.mean(-1, keepdims=True), channels, axis=-1)
    return image.astype(np.float32)


def of_classes(split: Split, kept: Sequence[int], shape: tuple[int, int, int]) -> Arrays:
    """The "image" [height, width, channels] = `shape` and "label" of examples of some classes, renumbered from 0.

    kept: the classes' old labels in ascending order; a class's new label is its index there. Of a split at
    most 20,000 examples are read, evenly spaced. UserError as in `resized`.
    """
    columns = evenly_spaced(split, SCAN_LIMIT)
    rows = np.flatnonzero(np.isin(columns["label"], kept))
    image = resized(columns["image"][rows], *shape)
    return Arrays({"image": image, "label": np.searchsorted(kept, columns["label"][rows]).astype(np.int32)})


def only_classes(dataset: Dataset, names: Collection[str], shape: tuple[int, int, int]) -> Dataset:
    """All three splits with only the classes of these names, in the data set's order: `of_classes`."""
    kept = [number for number, name in enumerate(dataset.classes) if name in names]
    splits = (dataset.train, dataset.validation, dataset.test)
    train, validation, test = (of_classes(split, kept, shape) for split in splits)
    classes = tuple(dataset.classes[number] for number in kept)
    return dataclasses.replace(dataset, train=train, validation=validation, test=test, classes=classes)


def known_classes(dataset: Dataset, names: Collection[str]) -> None:
    """UserError where a name of --classes is not a class."""
    if lacking := sorted(set(names) - set(dataset.classes)):
        raise UserError(
            f"{dataset.name} has no class {lacking[0]!r}: name its own by --classes, or all by --classes="
        )


def with_classes(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """Examples of the classes of these names (none: all), with all their columns; classes keep their numbers.

    UserError for a name that is no class, and where a split has no example of them.
    """
    if not names:
        return dataset
    known_classes(dataset, names)
    kept = [number for number, name in enumerate(dataset.classes) if name in names]

    def chosen(name: str) -> Chosen:
        split: Split = getattr(dataset, name)
        what = f"rows of {name} of {', '.join(sorted(names))}"
        rows = dataset.fact(what, lambda: np.flatnonzero(np.isin(split.arrays()["label"], kept)))
        if not len(rows):
            raise UserError(f"{dataset.name} has no {name} example of these classes: choose other --classes")
        return Chosen(split, rows)

    train, validation, test = (chosen(name) for name in ("train", "validation", "test"))
    return dataclasses.replace(dataset, train=train, validation=validation, test=test)


def labels_of(split: Split) -> np.ndarray:
    """int [N]: the labels of all examples, of which never more than a block are in memory."""
    blocks = [np.arange(start, min(start + BLOCK, len(split))) for start in range(0, len(split), BLOCK)]
    return np.concatenate([split.gather(block)["label"] for block in blocks])


def held_out(classes: int, fraction: float) -> np.ndarray:
    """bool [classes]: about that fraction, evenly spaced among them, but not the first."""
    return np.diff(np.floor(np.arange(classes + 1) * fraction)) > 0


def examples_of(split: Split, kept: np.ndarray) -> Chosen:
    """The examples of the classes that are true in bool [classes], with their labels; read when first needed.

    UserError, then, where there are none.
    """

    def rows() -> np.ndarray:
        found = np.flatnonzero(kept[labels_of(split)])
        if not len(found):
            raise UserError("no training example is of a class to be learned")
        return found

    return Chosen(split, rows)


class _By:
    """A split whose "label" is another of its columns."""

    def __init__(self, split: Split, column: str) -> None:
        self._split, self._column = split, column

    def __len__(self) -> int:
        return len(self._split)

    @property
    def spec(self) -> Spec:
        return {**self._split.spec, "label": self._split.spec[self._column]}

    @property
    def texts(self) -> tuple[str, ...]:
        return self._split.texts

    def gather(self, indices: np.ndarray, among: np.ndarray | None = None) -> Batch:
        found = self._split.gather(indices, among)
        return {**found, "label": found[self._column]}

    def arrays(self, limit: int | None = None) -> Batch:
        found = self._split.arrays(limit)
        return {**found, "label": found[self._column]}


def labelled_by(dataset: Dataset, column: str) -> Dataset:
    """The data set with another column of numbers as the label, named by the facts of the set: kinds, for "kind".

    UserError where it has no such column, or no names for its numbers.
    """
    if column == "label":
        return dataset
    columns = [name for name in dataset.train.spec if f"{name}s" in dataset.about]
    if column not in columns:
        raise UserError(
            f"{dataset.name} has no column {column!r} of named classes: it has {', '.join(['label', *columns])}"
        )
    train, validation, test = (_By(split, column) for split in (dataset.train, dataset.validation, dataset.test))
    classes = tuple(dataset.about[f"{column}s"])
    return dataclasses.replace(dataset, train=train, validation=validation, test=test, classes=classes)
