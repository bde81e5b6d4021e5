"""What `load` returns: three splits and the facts about them."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deeplearn.data.described import Described
from deeplearn.data.split import Split
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError

# A fingerprint reads this many bytes of a split, and rows, but never fewer rows than the last.
FINGERPRINT_BYTES, FINGERPRINT_ROWS, FINGERPRINT_MIN_ROWS = 2**22, 2048, 16
TEXT_BYTES = 1024  # bytes that a text counts as


@dataclass(frozen=True)
class Dataset:
    """Three splits of one data set.

    name: the name it was loaded by, completed ("mixture" becomes "mixture/grid").
    classes: label names, classes[label]; empty when there are no labels.
    levels: grey levels of the images (17 for digits, 256 for 8 bits), None where images are not quantised
        or there are none: the k-th level is k / (levels - 1).
    about: exact facts of a set that has them, e.g. a mixture's {"means": [modes, 2], "sigma": float}; of a user's
        data {"not in train": names of classes without a training example}.
    vocabulary: what the tokens stand for; None when there are no tokens.
    facts: what `fact` has computed, by name; saved with a run.
    directory: where files may be stored beside the prepared data; it need not exist. None for sets made by hand.
    notes: what was learnt about a user's data when they were loaded, a sentence each: printed before training.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...] = ()
    levels: int | None = None
    about: dict[str, Any] = field(default_factory=dict)
    vocabulary: Vocabulary | None = None
    directory: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of an image; UserError when there are no images."""
        if "image" not in self.train.spec:
            raise UserError(f"--dataset={self.name} has no images")
        height, width, channels = self.train.spec["image"].shape
        return height, width, channels

    @property
    def pixels(self) -> int:
        """height · width · channels of an image; UserError when there are no images."""
        return math.prod(self.image_shape)

    def need_images(self, use: str) -> None:
        """UserError unless the examples are images; `use` is a clause that says why they are needed."""
        if "image" not in self.train.spec:
            raise UserError(f"--dataset={self.name} has no images: {use}")

    def need_labelled_images(self, use: str) -> None:
        """UserError unless the examples are images with labels; `use` says why they are needed."""
        if not {"image", "label"} <= set(self.train.spec):
            raise UserError(f"--dataset={self.name} has no labelled images: {use}")

    def need_classes(self, use: str) -> None:
        """UserError unless the examples are images of named classes; `use` says why they are needed."""
        self.need_labelled_images(use)
        if not self.classes:
            raise UserError(f"--dataset={self.name} has labels that are not classes: {use}")

    def need_square_images(self, use: str) -> None:
        """UserError unless the examples are square images; `use` says why they are needed."""
        self.need_images(use)
        height, width, _ = self.image_shape
        if height != width:
            raise UserError(f"--dataset={self.name} has images of {height}×{width} pixels, not squares: {use}")

    def need_pairs(self, use: str) -> None:
        """UserError unless the examples are two pictures, `source` and `target`, of one height and width."""
        shapes = [self.train.spec[name].shape for name in ("source", "target") if name in self.train.spec]
        if len(shapes) < 2 or any(len(shape) != 3 for shape in shapes):
            raise UserError(
                f"--dataset={self.name} has no pictures as source and target: {use}, so choose a set with pairs, "
                "such as outlines/emoji, or pairs:DIR"
            )
        if shapes[0][:2] != shapes[1][:2]:
            raise UserError(f"--dataset={self.name} has sources of another size than its targets: {use}")

    def need_levels(self, use: str, limit: int | None = None) -> None:
        """UserError unless the images have grey levels, at most `limit` of them; `use` says why they are needed."""
        self.need_images(use)
        if self.levels is None:
            raise UserError(f"--dataset={self.name} has no images with grey levels: {use}")
        if limit is not None and self.levels > limit:
            raise UserError(f"--dataset={self.name} has {self.levels} grey levels, more than {limit}: {use}")

    def fact(self, name: str, find: Callable[[], Any]) -> Any:
        """What `find()` computes from the rows: a number, text, tuple of these, or small array.

        It is saved with a run under that name, and read from there when the data are gone. A `build` that needs
        numbers of the data (a mean, a standard deviation) gets them this way.
        """
        if isinstance(self.train, Described) and name in self.facts:
            return self.facts[name]
        found = find()
        if name in self.facts and not np.array_equal(self.facts[name], found):
            raise ValueError(f"two facts of {self.name} are called {name!r}")
        self.facts[name] = found
        return found

    def need_modes(self, use: str) -> None:
        """UserError unless the examples are points of a mixture with known modes; `use` says why."""
        if "point" not in self.train.spec or "means" not in self.about:
            raise UserError(f"--dataset={self.name} has no modes to count, as mixture/grid has: {use}")

    def moments(self, column: str, rows: int = 10_000) -> tuple[float, float]:
        """Mean and standard deviation of all values of a column in the first training examples; saved as a fact."""

        def find() -> tuple[float, float]:
            values = self.train.arrays(rows)[column]
            return float(values.mean()), float(values.std())

        mean, std = self.fact(f"moments of {column} in {rows} rows", find)
        return mean, std

    def fingerprint(self) -> str:
        """A SHA-256 in hex that differs, almost surely, when the data differ; name and directory do not count.

        It covers classes, levels, vocabulary, and each split's size, columns and rows: all rows of small splits, of
        large ones a fixed sample of evenly spaced rows, 4 MiB or 16 rows. A change of other rows goes unnoticed.
        """
        facts = [
            list(self.classes),
            self.levels,
            self.vocabulary and [*self.vocabulary.tokens, *self.vocabulary.merges],
        ]
        digest = hashlib.sha256(json.dumps(facts).encode())
        for split in (self.train, self.validation, self.test):
            digest.update(f"{len(split)}".encode())
            for key, column in sorted(split.gather(_sample(split)).items()):
                digest.update(f"\n{key} {column.dtype} {column.shape}\n".encode())
                text = column.dtype == object
                digest.update(json.dumps(column.tolist()).encode() if text else column.tobytes())
        return digest.hexdigest()


def _sample(split: Split) -> np.ndarray:
    """The rows that a fingerprint reads, evenly spaced from the first to the last."""
    row = sum(math.prod(one.shape) * one.dtype.itemsize for one in split.spec.values())
    row += TEXT_BYTES * len(split.texts)
    count = min(FINGERPRINT_ROWS, max(FINGERPRINT_MIN_ROWS, FINGERPRINT_BYTES // max(1, row)), len(split))
    return np.linspace(0, len(split) - 1, count).round().astype(int)
