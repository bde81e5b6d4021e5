"""The user's own texts with labels: `csv:FILE`, a table in UTF-8 whose first line names its columns.

One column holds texts and one labels, by one of the names below, in any case; a column `split` says which split a
text belongs to, else texts are cut 80 / 10 / 10. Columns are separated by commas, semicolons, tabs or |. A text,
without white space around it, is its characters, or its words or pieces: `csv:FILE@word`, `csv:FILE@piece`.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deeplearn.data.csv_labels import LABEL, SPLIT
from deeplearn.data.cut import split_cut
from deeplearn.data.dataset import Dataset
from deeplearn.data.forms import TEXT, labelled
from deeplearn.data.labels import numbered, shown
from deeplearn.data.layouts import split_name
from deeplearn.data.partition import absent_classes
from deeplearn.data.split import Arrays
from deeplearn.data.tokens import cut_splits
from deeplearn.data.utf8 import lines, read
from deeplearn.errors import UserError, brief

LABELS = (*LABEL, "sentiment", "language", "topic", "intent")
LONGEST = 200  # characters of a label: a longer one is a text


class Row(NamedTuple):
    """A text, its label, and its split, "" where none is given."""

    text: str
    label: str
    split: str


def load_csv(path: str) -> Dataset:
    """The columns of `forms.labelled`. Raises UserError for any mistake in the file."""
    where, cut = split_cut(path)
    file, content = read(where, "csv")
    rows, notes = _rows(file, content)
    classes, label, changes = numbered(np.array([row.label for row in rows]), f"labels in {file}")
    found = np.array([row.split for row in rows])
    given = {split or "train": np.flatnonzero(found == split) for split in set(found.tolist())}
    orders, divided = cut_splits(file, given, label, classes)
    texts = np.array([row.text for row in rows], object)
    splits: dict[str, Any] = {
        split: Arrays({"text": texts[order], "label": label[order]}) for split, order in orders.items()
    }
    about = {"not in train": absent_classes(label[orders["train"]], classes)}
    notes += [*changes, f"{len(classes)} class(es): {shown(classes)}", *divided]
    return labelled(Dataset(name=f"csv:{path}", classes=classes, about=about, notes=tuple(notes), **splits), cut)


def _rows(file: Path, content: str) -> tuple[list[Row], list[str]]:
    """The rows of the table, and a note of the columns that are read."""
    (_, head), *body = table(file, content)
    columns = _columns(file, head)
    rows = []
    for where, found in records(file, head, body, columns):
        if len(found["label"]) > LONGEST:
            raise UserError(
                f"{where} has a label of {len(found['label'])} characters: name the column of texts text, and that "
                "of labels label."
            )
        rows.append(Row(found["text"], found["label"], found["split"]))
    note = f"columns that are read: {shown(head[column] for column in columns.values())}"
    return rows, [note + (f", of {shown(head)}" if len(head) > len(columns) else "")]


def records(
    file: Path, head: list[str], body: list[tuple[int, list[str]]], columns: dict[str, int]
) -> Iterator[tuple[str, dict[str, str]]]:
    """("line 5 of FILE", {role: value}) of each row of a `table`; no value is empty.

    columns: {role: the column}. Of the role "split" it is a split of ours, and "" where there is no such column.
    UserError for a row that is none.
    """
    if not body:
        raise UserError(f"there is nothing below line 1 of {file}: write a line for each example.")
    for line, cells in body:
        where = f"line {line} of {file}"
        if not any(cells):
            raise UserError(f"{where} is empty: remove it.")
        if len(cells) != len(head):
            raise UserError(
                f"{where} has {len(cells)} value(s) and line 1 names {len(head)} columns: put quotes around a text "
                "that holds the separator."
            )
        found = {name: cells[column] for name, column in columns.items()}
        if empty := [name for name, value in found.items() if not value]:
            raise UserError(f"{where} has no {empty[0]}: write one, or remove the line.")
        split = split_name(found.get("split", ""))
        if "split" in found and not split:
            raise UserError(f"{where} names the split {shown([found['split']])}: say train, validation or test.")
        yield where, found | {"split": split}


def _columns(file: Path, head: list[str]) -> dict[str, int]:
    """{"text", "label" and perhaps "split": the column}, by what the first line names."""
    named = {name.casefold(): number for number, name in reversed(list(enumerate(head)))}
    columns: dict[str, int] = {}
    for role, names in (("text", TEXT), ("label", LABELS), ("split", SPLIT)):
        if known := [name for name in names if name in named]:
            columns[role] = named[known[0]]
    if missing := [role for role in ("text", "label") if role not in columns]:
        raise UserError(
            f"line 1 of {file} names no column {' and no column '.join(missing)} ({shown(head)}): begin it with "
            "text,label."
        )
    return columns


def table(file: Path, content: str) -> list[tuple[int, list[str]]]:
    """(number of its first line, its values) for each row, without empty rows at the end."""
    head = content.partition("\n")[0]
    reader = csv.reader(
        io.StringIO("\n".join(lines(content)), newline=""), delimiter=max(",;\t|", key=head.count), strict=True
    )
    rows, line = [], 1
    try:
        for cells in reader:
            rows.append((line, [cell.strip() for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"line {line} of {file} is not CSV ({brief(error)}): put quotes around a text that holds quotes, and "
            "write those twice."
        ) from None
    return rows
