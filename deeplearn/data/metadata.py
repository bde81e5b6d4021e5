"""Texts of the files of a folder, as Hugging Face's image and audio folders have them.

`metadata.csv` or `metadata.jsonl` stands beside the files, or one in each of the folders train, validation, test.
Its columns (of JSON: the names in each line's object) are `file_name`, a path from the folder that the table is in,
and `text`, or another usual name (CAPTION). Which split a file belongs to is said by a column `split`, or by a
folder train, validation or test that it is in. Other columns are not read.
"""

from __future__ import annotations

import json
import os
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

    Every file that is named exists and is in the folder; none is named twice; all are in splits, or none is.
    """
    folders = sorted(folder for folder in directory.iterdir() if folder.is_dir() and split_name(folder.name))
    rows = [row for folder in (directory, *folders) for row in _of(directory, folder)]
    if not rows:
        raise UserError(
            f"there is no {' or '.join(TABLES)} in {directory}: write one whose columns are file_name and text."
        )
    first: dict[str, Row] = {}
    for row in rows:
        if (before := first.setdefault(os.path.realpath(row.file), row)) is not row:
            raise UserError(
                f"{row.where} names {shown([row.file.name])}, as {before.where} does: keep one of them."
            )
    without = [row for row in rows if not row.split]
    if 0 < len(without) < len(rows):
        raise UserError(
            f"{without[0].where} names a file in no split, and others are in splits: move it to train, "
            "validation or test."
        )
    return rows


def _of(root: Path, folder: Path) -> list[Row]:
    """The rows of a folder's own table; none where it has none."""
    found = [folder / name for name in TABLES if (folder / name).exists()]
    if not found:
        return []
    if len(found) > 1:
        raise UserError(f"{folder} has both {TABLES[0]} and {TABLES[1]}: keep one of them.")
    file, content = read(str(found[0]), "the table ")
    objects = _json(file, content) if file.suffix == ".jsonl" else _csv(file, content)
    return [_row(root, file, line, one) for line, one in objects]


def _row(root: Path, file: Path, line: int, one: dict[str, Any]) -> Row:
    where = f"line {line} of {file}"
    named = {str(key).casefold(): value for key, value in one.items()}
    values = {}
    for role, names in (("file_name", FILE), ("text", CAPTION)):
        value = next((named[name] for name in names if name in named), None)
        if value is not None and not isinstance(value, str):
            raise UserError(f"{where} has a {role} that is no text ({shown([str(value)])}): write it in quotes.")
        if not isinstance(value, str) or not value.strip():
            raise UserError(f"{where} has no {role} ({shown(map(str, one))}): write one, or remove the line.")
        values[role] = value.strip()
    try:
        path = located(str(file.parent / values["file_name"].replace("\\", "/")), "file", "correct its file_name")
        inside = Path(os.path.normpath(path)).relative_to(os.path.normpath(root))
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    except ValueError:
        raise UserError(
            f"{where} names {shown([values['file_name']])}, which is outside of {root}: move it."
        ) from None
    split = split_name(inside.parts[0]) if len(inside.parts) > 1 else ""
    if said := str(next((named[name] for name in SPLIT if name in named), "") or ""):
        if not (own := split_name(said)) or (split and own != split):
            raise UserError(f"{where} names the split {shown([said])}: say train, validation or test.")
        split = own
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
        except (ValueError, RecursionError):
            one = None
        if not isinstance(one, dict):
            raise UserError(
                f'line {line} of {file} is no JSON object ({shown([text])}): write {{"file_name": …, "text": …}}.'
            )
        rows.append((line, one))
    return rows
