"""A folder of pictures and all that is below it, listed once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from deeplearn.data.labels import shown
from deeplearn.data.pictures import SUFFIXES
from deeplearn.errors import UserError

DEPTH = 50  # folders within each other
# What systems leave beside pictures; hidden files, such as macOS's ._name.jpg, are left out too.
LITTER = {"__macosx", "@eadir", "$recycle.bin", "thumbs.db", "desktop.ini"}
TABLES = {".csv", ".tsv"}


class Tree:
    """Pictures in a folder, its sub-folders that hold some at any depth, and names of those that hold none.

    Links are followed, but not back to a folder that they lie in. UserError where a folder cannot be listed.
    """

    def __init__(self, path: Path, above: tuple[str, ...] = ()) -> None:
        self.path = path
        self.pictures: list[Path] = []
        self.tables: list[Path] = []
        self.folders: list[Tree] = []
        self.empty: list[str] = []
        self.others: Counter[str] = Counter()  # files that are not pictures by their names, by suffix
        if len(above) >= DEPTH:
            raise UserError(f"{path} lies {DEPTH} folders deep: move the pictures up.")
        try:
            around = (*above, os.path.realpath(path))
            for name in sorted(os.listdir(path)):
                if name[0] != "." and name.casefold() not in LITTER:
                    self._add(path / name, around)
        except OSError as error:
            raise UserError(f"the folder {path} cannot be listed ({error.strerror}): make it readable.") from None
        self.count: int = len(self.pictures) + sum(folder.count for folder in self.folders)

    def _add(self, path: Path, around: tuple[str, ...]) -> None:
        suffix = path.suffix.lower()
        if os.path.isdir(path):
            if os.path.realpath(path) in around:
                return
            folder = Tree(path, around)
            self.others += folder.others
            if folder.count:
                self.folders.append(folder)
            else:
                self.empty.append(path.name)
                self.tables += folder.tables
        elif suffix in SUFFIXES:
            self.pictures.append(path)
        elif suffix in TABLES:
            self.tables.append(path)
        else:
            self.others[suffix or "no suffix"] += 1

    @property
    def name(self) -> str:
        """Its own name, in letters that every encoding has or, escaped, in bytes."""
        return os.fsencode(self.path.name).decode("utf-8", "backslashreplace")

    def every_picture(self) -> Iterator[Path]:
        """The pictures at any depth, in the order of their paths' names."""
        yield from self.pictures
        for folder in self.folders:
            yield from folder.every_picture()

    def every_table(self) -> Iterator[Path]:
        """The tables at any depth."""
        yield from self.tables
        for folder in self.folders:
            yield from folder.every_table()

    def notes(self) -> list[str]:
        """What is left out because of its name."""
        left = [f"{count} {suffix}" for suffix, count in sorted(self.others.items())]
        return [f"files left out that are no pictures by their names: {shown(left)}"] if left else []
