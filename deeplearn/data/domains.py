"""Two sets of pictures of the same classes, a source and a target: `domains:A,B`, any two names of data sets.

The split holds `image` and `label` of the source beside `target` and `target_label`, in columns of one length: the
fewer begin again at their end. `apart` takes the two out of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from deeplearn.data.classes import SCAN_LIMIT, of_classes
from deeplearn.data.dataset import Dataset
from deeplearn.data.labels import shown
from deeplearn.data.split import Arrays
from deeplearn.data.unpaired import Side, Unpaired
from deeplearn.errors import UserError

SPLITS = ("train", "validation", "test")
FEWEST = 5  # validation examples of each domain: their features are told apart in five parts


class Domains(NamedTuple):
    """A source and a target, each a data set with `image` and `label`."""

    source: Dataset
    target: Dataset

    @property
    def train(self) -> Unpaired:
        """What an adapting system may see: the source with its labels, the target's pictures alone.

        The third of it, `labelled_target`, is for a classifier that is trained on the target's labels.
        """
        pictures = {"target": Side(self.target.train, {"image": "image"}, len(self.target.train))}
        return Unpaired(source=self.source.train, **pictures, labelled_target=self.target.train)

    def need_variety(self, batch_size: int) -> None:
        """UserError where there is too little to compare: classes, rows of a batch, validation examples."""
        if len(self.source.classes) < 2:
            raise UserError("source and target have one class alone: there is nothing to learn")
        if batch_size < 2:
            raise UserError(f"a batch of {batch_size} has no variance: choose a --batch_size of at least 2")
        for side, one in self._asdict().items():
            if len(one.validation) < FEWEST:
                raise UserError(
                    f"the {side}, {one.name}, has {len(one.validation)} validation examples: at least {FEWEST} are "
                    "needed to tell the two domains apart"
                )


def load_domains(path: str, load: Callable[[str], Dataset]) -> Dataset:
    """`domains:A,B`, each read by `load`. UserError for any mistake."""
    names = path.split(",")
    if len(names) != 2 or not all(names):
        raise UserError(f"domains:{path} should name two data sets joined by a comma, a source and a target")
    return joined(*map(load, names))


def joined(source: Dataset, target: Dataset) -> Dataset:
    """Both as one data set: of a size, in height, width and channels the larger of the two; classes by their names.

    At most 20,000 examples of a split are read, evenly spaced; a note says so where there are more. UserError
    unless both have labelled images of the same classes, with as many channels or one of them with one.
    """
    for one in (source, target):
        one.need_classes("a source and a target of adaptation are labelled pictures")
    if set(source.classes) != set(target.classes):
        own = [sorted(set(a.classes) - set(b.classes)) for a, b in ((source, target), (target, source))]
        only = [
            f"only {one.name} has {shown(names)}" for one, names in zip((source, target), own, strict=True) if names
        ]
        raise UserError(f"source and target should have the same classes, but {' and '.join(only)}")
    height, width, channels = map(max, zip(source.image_shape, target.image_shape, strict=True))
    # A label of the target is the place of its class among the source's.
    places = np.array([source.classes.index(name) for name in target.classes], np.int32)
    splits: dict[str, Any] = {}
    sizes = []
    for split in SPLITS:
        ours, theirs = (
            of_classes(getattr(one, split), range(len(places)), (height, width, channels)).arrays()
            for one in (source, target)
        )
        sizes.append((len(ours["label"]), len(theirs["label"])))
        row = np.arange(max(sizes[-1]))
        first, second = row % sizes[-1][0], row % sizes[-1][1]
        splits[split] = Arrays(
            {
                "image": ours["image"][first],
                "label": ours["label"][first],
                "target": theirs["image"][second],
                "target_label": places[theirs["label"][second]],
            }
        )
    notes = [f"{name}: {note}" for name, one in (("source", source), ("target", target)) for note in one.notes]
    for one in (source, target):
        if more := [name for name in SPLITS if len(getattr(one, name)) > SCAN_LIMIT]:
            notes.append(f"{one.name}: only {SCAN_LIMIT:,} examples of {', '.join(more)} are used, evenly spaced")
    about = {"sizes": tuple(sizes), "names": (source.name, target.name)}
    name = f"domains:{source.name},{target.name}"
    return Dataset(name, **splits, classes=source.classes, about=about, notes=tuple(notes))


def apart(dataset: Dataset) -> Domains:
    """The source and the target of a set that `joined` has made. UserError for any other set."""
    if not {"image", "label", "target", "target_label"} <= set(dataset.train.spec):
        raise UserError(
            f"--dataset={dataset.name} is no source and target: give --source and --target, or "
            "--dataset=domains:SOURCE,TARGET"
        )
    sides = []
    for place, (image, label) in enumerate((("image", "label"), ("target", "target_label"))):
        splits: dict[str, Any] = {}
        for name, sizes in zip(SPLITS, dataset.about["sizes"], strict=True):
            split = getattr(dataset, name)
            splits[name] = Side(split, {"image": image, "label": label}, min(sizes[place], len(split)))
        sides.append(dataclasses.replace(dataset, name=dataset.about["names"][place], facts={}, **splits))
    return Domains(*sides)
