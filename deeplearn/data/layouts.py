"""Which pictures of a folder belong to which split and class, by the names of its sub-folders.

One folder a class; or folders for train, validation and test (by these or similar names, in any case), each with a
folder a class; or pictures without class folders, which then have no labels unless a table gives them
(`deeplearn.data.csv_labels`). A class is the first folder below its split: deeper folders belong to it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from deeplearn.data.labels import shown
from deeplearn.data.tree import Tree
from deeplearn.errors import UserError

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
FILLERS = {"set", "split", "data", "dataset", "images", "image", "pictures"}  # as in "training_set"
# Pictures of where something is, beside those of what is seen: MVTec's and others'.
MASKS = {"ground_truth", "groundtruth", "gt"}
BESIDE_SPLITS = {*MASKS, "mask", "masks", "annotation", "annotations", "segmentation", "segmentations", "labels"}


class Entry(NamedTuple):
    """A picture, its split ("" where there are no splits) and its class ("" where there are none)."""

    file: Path
    split: str
    name: str


@dataclass
class Layout:
    """The pictures of a folder, and what was learnt about them.

    table: the name of the table that gives the classes; empty where folders do.
    """

    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    table: str = ""

    @property
    def files(self) -> list[Path]:
        return [entry.file for entry in self.entries]

    @property
    def names(self) -> list[str]:
        """The classes that occur, sorted; none where pictures have no classes."""
        return sorted({entry.name for entry in self.entries} - {""})

    def without(self, left_out: Collection[Path], note: str) -> Layout:
        """The layout of the other files, with one more note."""
        entries = [entry for entry in self.entries if entry.file not in left_out]
        return Layout(entries, [*self.notes, note], self.table)


def split_name(name: str) -> str:
    """The split that a folder or table of this name holds; "" for other names."""
    words = [word for word in re.split(r"[\W_]+", name.casefold()) if word and word not in FILLERS]
    return SPLITS.get(words[0], "") if len(words) == 1 else ""


def find_layout(tree: Tree) -> Layout:
    """The layout of a folder's pictures. UserError in one sentence where it could be read in two ways."""
    layout = Layout(notes=tree.notes())
    if not tree.count:
        there = "; ".join(layout.notes) or "put them into one sub-folder per class"
        raise UserError(f"there are no images in {tree.path}: {there}.")
    outer = tree
    while (inner := _wrapped(tree)) is not None:
        tree = inner
    if tree is not outer:
        layout.notes.append(f"everything is read from {tree.path}, the only folder with pictures")
    named: dict[str, list[Tree]] = {}
    for folder in tree.folders:
        named.setdefault(split_name(folder.name), []).append(folder)
    others = named.pop("", [])
    if named and not others and "train" not in named:
        raise UserError(f"{tree.path} holds {shown(f.name for f in tree.folders)}, but no train folder: add one.")
    double = next((folders for folders in named.values() if len(folders) > 1), None)
    if double and (not others or len(named) > 1):
        raise UserError(f"in {tree.path} {shown(f.name for f in double)} could be the same split: rename one.")
    if len(named) < 2 or "train" not in named:
        _add_classes(layout, tree, "")
        return layout
    masks = [folder.name for folder in others if folder.name.casefold() in BESIDE_SPLITS]
    if stray := [folder.name for folder in others if folder.name not in masks] or [p.name for p in tree.pictures]:
        raise UserError(
            f"{tree.path} holds splits ({shown(one[0].name for one in named.values())}) and other pictures beside "
            f"them ({shown(stray)}): move those into the splits, or away."
        )
    if masks:
        layout.notes.append(f"left aside, because pictures in them are masks: {shown(masks)}")
    for split in ("train", "validation", "test"):
        if split in named:
            _add_split(layout, named[split][0], split)
    return layout


def _wrapped(tree: Tree) -> Tree | None:
    """The only folder in a folder, where it is no class: it is train/ alone, or holds splits or classes itself."""
    if tree.pictures or len(tree.folders) != 1:
        return None
    (inner,) = tree.folders
    if split_name(inner.name) and split_name(inner.name) != "train":
        raise UserError(f"{tree.path} holds {inner.name}, but no train folder: add one.")
    return inner if split_name(inner.name) or (not inner.pictures and len(inner.folders) > 1) else None


def _add_split(layout: Layout, tree: Tree, split: str) -> None:
    while not tree.pictures and len(tree.folders) == 1 and split_name(tree.folders[0].name) == split:
        tree = tree.folders[0]  # training_set/training_set/…
    found = Layout()
    _add_classes(found, tree, split)
    trained = layout.names
    if split != "train" and trained and not found.names:
        count = len(found.entries)
        layout.notes.append(
            f"{split} is left out: its {count} pictures have no class folders, as those of train have"
        )
        return
    if split != "train" and found.names:
        _check_classes(tree, split, trained, found.names)
    layout.entries += found.entries
    layout.notes += found.notes


def _check_classes(tree: Tree, split: str, trained: list[str], found: list[str]) -> None:
    """A split may have classes that train has not (anomalies), but not only such, nor because of a slip."""
    if not trained:
        raise UserError(f"{tree.path} has class folders ({shown(found)}), but train has none: add them there.")
    if not set(trained) & set(found):
        raise UserError(
            f"{split} and train have no class in common ({shown(found)}; {shown(trained)}): name the folders alike."
        )
    same = {name.casefold(): name for name in trained}
    for name in set(found) - set(trained):
        if name.casefold() in same:
            raise UserError(
                f"classes {name} in {split} and {same[name.casefold()]} in train differ in case: name them alike."
            )


def _add_classes(layout: Layout, tree: Tree, split: str) -> None:
    """The class folders of a split, or its pictures without a class."""
    masks = [folder.name for folder in tree.folders if folder.name.casefold() in MASKS]
    folders = [folder for folder in tree.folders if folder.name not in masks]
    if masks:
        layout.notes.append(f"left aside, because pictures in it are masks: {shown(masks)}")
    if tree.empty:
        layout.notes.append(f"folders without pictures are left out in {tree.path}: {shown(tree.empty)}")
    if tree.pictures and folders:
        raise UserError(
            f"{tree.path} holds pictures ({shown(p.name for p in tree.pictures)}) beside folders of pictures "
            f"({shown(f.name for f in folders)}): move them into a folder, or away."
        )
    layout.entries += [Entry(file, split, folder.name) for folder in folders for file in folder.every_picture()]
    layout.entries += [Entry(file, split, "") for file in tree.pictures]
