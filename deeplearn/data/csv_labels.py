"""Labels of pictures from tables beside them: a .csv or .tsv with a column of files and one of labels.

The columns have one of the names below, in any case. A file is named by its path from the table or from the folder
that is read, or by its name alone, with or without suffix. A column `split`, the table's name (train.csv) or the
folder of a picture (train/) says which split it belongs to.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from deeplearn.data.files import located
from deeplearn.data.labels import shown
from deeplearn.data.layouts import Entry, Layout, split_name
from deeplearn.errors import UserError, reason

FILE = (
    *("filename", "file_name", "file", "filepath", "file_path", "filepaths", "path", "image", "image_name"),
    *("image_path", "image_id", "img", "picture", "photo", "id", "id_code", "name"),
)
LABEL = (
    "label",
    "labels",
    "class",
    "class_name",
    "classname",
    "category",
    "target",
    "species",
    "breed",
    "diagnosis",
)
SPLIT = ("split", "set", "subset", "data set", "dataset")

Row = tuple[str, str, str]  # file, label, split


def with_labels(layout: Layout, root: Path, tables: Sequence[Path]) -> Layout:
    """The layout with the labels, and perhaps splits, of the tables, if any of them has such columns.

    Pictures without a label are left out, and told. UserError where a table cannot be read, names no picture, or
    two rows contradict each other.
    """
    notes = list(layout.notes)
    chosen: dict[Path, tuple[str, str]] = {}  # file: (label, split)
    by_name = _by_name(layout.files, root)
    folder_split = {entry.file: entry.split for entry in layout.entries}
    read, lost = [], []
    for table in tables:
        if "submission" in table.stem.casefold():
            continue
        rows = _rows(table)
        if rows is None:
            notes.append(f"{table.name} is not read: it has no columns for file and label, such as filename,label")
            continue
        read.append(table)
        for name, label, split in rows:
            split = split or split_name(_stem(table))
            meant = _meant(name, table, root, by_name)
            # A name that is in train/ and in test/ is that of the split.
            meant = [file for file in meant if folder_split[file] == split] or meant
            if not meant or not label:
                lost.append(name)
                continue
            if len(meant) > 1:
                raise UserError(
                    f"{table} names {shown([name])}, the name of {len(meant)} pictures: name them by their paths "
                    f"from {root}."
                )
            file = meant[0]
            split = split or folder_split[file]
            if chosen.setdefault(file, (label, split)) != (label, split):
                raise UserError(f"{table} gives {file.name} two labels or splits: keep one row for each picture.")
    if not read:
        return Layout(layout.entries, notes)
    names = shown(table.name for table in read)
    if not chosen:
        raise UserError(
            f"no row of {names} names a picture in {root} (the first names {shown(lost[:1]) or 'none'})."
        )
    if lost:
        notes.append(f"{len(lost)} rows of {names} are left out, without a picture or a label: {shown(lost)}")
    without = [file for file in layout.files if file not in chosen]
    if without:
        notes.append(
            f"{len(without)} pictures without a row in {names} are left out: {shown(f.name for f in without)}"
        )
    splits = {split for _, split in chosen.values()}
    if "" in splits and len(splits) > 1:
        raise UserError(f"{names} gives some pictures a split and others none: give all of them one, or none.")
    notes.append(f"labels are read from {names}")
    entries = [
        Entry(file, split, label) for file in layout.files if file in chosen for label, split in [chosen[file]]
    ]
    return Layout(entries, notes, names)


def _stem(table: Path) -> str:
    """A table's name without "labels", as in train_labels.csv."""
    return table.stem.casefold().replace("labels", "").replace("label", "")


def _rows(table: Path) -> list[Row] | None:
    """A table's rows; None where its first line has no names of columns that are known."""
    located(str(table), "file", "remove it")
    try:
        text = table.read_bytes().decode("utf-8-sig")
        head = text.partition("\n")[0]
        delimiter = max(",;\t|", key=head.count)
        lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        columns = {(name or "").strip().casefold(): name for name in lines.fieldnames or ()}
        file, label, split = (
            next((columns[n] for n in names if n in columns), None) for names in (FILE, LABEL, SPLIT)
        )
        if file is None or label is None:
            return None
        return [_row(line, table, lines.line_num, (file, label, split)) for line in lines]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"the table {table} cannot be read ({reason(error)}): save it as CSV in UTF-8.") from None


def _row(line: dict, table: Path, number: int, columns: tuple[str, str, str | None]) -> Row:
    file, label, split = ((line.get(column) or "").strip() if column else "" for column in columns)
    if None in line:
        raise UserError(
            f"line {number} of {table} has more values than there are columns: put quotes around commas."
        )
    if split and not split_name(split):
        raise UserError(
            f"line {number} of {table} names the split {shown([split])}: say train, validation or test."
        )
    return file, label, split_name(split)


def _by_name(files: Sequence[Path], root: Path) -> dict[str, list[Path]]:
    """Pictures by their path from the root, their name, and both without suffix."""
    found: dict[str, list[Path]] = {}
    for file in files:
        path = file.relative_to(root)
        for name in {path.as_posix(), path.with_suffix("").as_posix(), file.name, file.stem}:
            found.setdefault(name, []).append(file)
    return found


def _meant(name: str, table: Path, root: Path, by_name: dict[str, list[Path]]) -> list[Path]:
    """The pictures that a table may mean; only those that were found in the folder come into question."""
    name = os.path.normpath(name.replace("\\", "/")) if name else ""
    beside = (table.parent.relative_to(root) / name).as_posix()
    return next((by_name[one] for one in (beside, name, os.path.basename(name)) if one in by_name), [])
