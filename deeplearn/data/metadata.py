"""Texts of the files of a folder, as Hugging Face's image and audio folders have them.

`metadata.csv` or `metadata.jsonl` stands beside the files, or one in each of the folders train, validation, test.
Its columns (of JSON: the names in each line's object) are `file_name`, a path from the folder that the table is in,
and `text`, or another usual name (CAPTION); a column `split` says which split a file belongs to. Other columns are
not read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from deeplearn.data.csv_labels import SPLIT
from deeplearn.data.csv_texts import table
from deeplearn.data.files import located
from deeplearn.data.forms import TEXT
from deeplearn.data.labels import shown
from deeplearn.data.layouts import split_name
from deeplearn.data.utf8 import lines, read
from deeplearn.errors import UserError

TABLES = ("metadata.csv", "metadata.jsonl")
FILE = ("file_name", "filename", "file", "path")
CAPTION = (*TEXT[:-1], "caption", "transcription", "transcript")  # not "name", which may be the file's


class Row(NamedTuple):
    """A file, its text, its split ("" where none is given), and the line of the table that says so, from 1."""

    file: Path
    text: str
    split: str
    line: int
    table: Path

    @property
    def where(self) -> str:
        """For sentences: "line 3 of FILE"."""
        return f"line {self.line} of {self.table}"


def read_metadata(directory: Path) -> list[Row]:
    """The rows of the tables in a folder, in their order. UserError naming table and line for any mistake.

    Every file that is named exists; none is named twice.
    """
    folders = sorted(folder for folder in directory.iterdir() if folder.is_dir() and split_name(folder.name))
    rows = _of(directory, "")
    below = [row for folder in folders for row in _of(folder, split_name(folder.name))]
    if rows and below:
        raise UserError(f"there is a table in {directory} and one in {below[0].table.parent}: keep one of them.")
    if not rows and not below:
        raise UserError(
            f"there is no {' or '.join(TABLES)} in {directory}: write one whose columns are file_name and text."
        )
    first: dict[Path, Row] = {}
    for row in rows or below:
        if (before := first.setdefault(row.file, row)) is not row:
            raise UserError(f"{row.where} names {row.file.name} again, as line {before.line} does: remove one.")
    return rows or below


def _of(folder: Path, split: str) -> list[Row]:
    """The rows of a folder's own table; none where it has none."""
    found = [folder / name for name in TABLES if (folder / name).exists()]
    if not found:
        return []
    if len(found) > 1:
        raise UserError(f"{folder} has both {TABLES[0]} and {TABLES[1]}: keep one of them.")
    file, content = read(str(found[0]), "the table ")
    objects = _json(file, content) if file.suffix == ".jsonl" else _csv(file, content)
    return [_row(file, line, one, split) for line, one in objects]


def _row(file: Path, line: int, one: dict[str, Any], split: str) -> Row:
    where = f"line {line} of {file}"
    named = {str(key).casefold(): value for key, value in one.items()}
    values = {}
    for role, names in (("file_name", FILE), ("text", CAPTION)):
        value = next((named[name] for name in names if name in named), None)
        if not isinstance(value, str) or not value.strip():
            raise UserError(f"{where} has no {role} ({shown(map(str, one))}): write one, or remove the line.")
        values[role] = value.strip()
    if said := str(next((named[name] for name in SPLIT if name in named), "") or ""):
        if not (own := split_name(said)) or (split and own != split):
            raise UserError(f"{where} names the split {shown([said])}: say train, validation or test.")
        split = own
    try:
        path = located(str(file.parent / values["file_name"]), "file", "correct its file_name")
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    return Row(path, values["text"], split, line, file)


def _csv(file: Path, content: str) -> list[tuple[int, dict[str, Any]]]:
    (_, head), *rows = table(file, content)
    lower = [name.casefold() for name in head]
    for role, names in (("file_name", FILE), ("text", CAPTION)):
        if not set(names) & set(lower):
            raise UserError(
                f"line 1 of {file} names no column {role} ({shown(head)}): begin it with file_name,text."
            )
    if not rows:
        raise UserError(f"there is nothing below line 1 of {file}: add a line for each file.")
    for line, cells in rows:
        if len(cells) != len(head):
            raise UserError(
                f"line {line} of {file} has {len(cells)} value(s) and line 1 names {len(head)} columns: put quotes "
                "around a text that holds the separator."
            )
    return [(line, dict(zip(head, cells, strict=True))) for line, cells in rows]


def _json(file: Path, content: str) -> list[tuple[int, dict[str, Any]]]:
    rows = []
    for line, text in enumerate(lines(content), 1):
        try:
            one = json.loads(text)
        except ValueError:
            one = None
        if not isinstance(one, dict):
            raise UserError(
                f'line {line} of {file} is no JSON object ({shown([text])}): write {{"file_name": …, "text": …}}.'
            )
        rows.append((line, one))
    return rows
