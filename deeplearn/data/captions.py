"""The user's own pictures with captions: `captions:PATH`, as image folders of Hugging Face's `datasets` have them.

Beside the pictures is metadata.csv or metadata.jsonl, in UTF-8, with a file_name, from where it stands, and a text
for each. Pictures may lie in folders train, validation and test, each with such a file or all named in one above
them; without these they are cut 80 / 10 / 10. `captions:PATH@64` cuts the central square out of each picture and
resizes it to 64×64; without it all must have one size. Captions are cut into words, or, as
`captions:PATH@64@character` and `@piece` say, into characters or pieces.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deeplearn.data import decode
from deeplearn.data.csv_texts import table as read_table
from deeplearn.data.cut import split_cut
from deeplearn.data.dataset import Dataset
from deeplearn.data.folder import at_side, changes, common_shape, decoded
from deeplearn.data.forms import captions
from deeplearn.data.labels import shown
from deeplearn.data.layouts import split_name
from deeplearn.data.partition import repeated
from deeplearn.data.pictures import read_header
from deeplearn.data.split import Arrays
from deeplearn.data.tokens import cut_splits
from deeplearn.data.tree import Tree
from deeplearn.data.utf8 import lines, read
from deeplearn.errors import UserError, brief

METADATA = ("metadata.csv", "metadata.jsonl")
FILE, TEXT = "file_name", "text"


class Row(NamedTuple):
    """A picture, its caption, its split, "" where none is given, and the line that says so: "line 2 of FILE"."""

    picture: Path
    text: str
    split: str
    where: str


def load_captions(path: str) -> Dataset:
    """The columns of `forms.captions`. Raises UserError for any mistake in the folder."""
    named, cut = split_cut(path)
    root, side = at_side(named, "captions")
    rows, notes = _rows(root)
    files = [row.picture for row in rows]
    headers = [_of_line(row, lambda row: read_header(row.picture)) for row in rows]
    shape = common_shape(files, headers, side, f"captions:{named}")
    if (size := len(rows) * int(np.prod(shape))) > decode.MEMORY_BYTES:
        raise UserError(
            f"the {len(rows)} pictures of {root} take {size:,} bytes, more than {decode.MEMORY_BYTES:,}: make them "
            f"smaller, such as captions:{root}@64."
        )
    image = np.stack([_of_line(row, lambda row: decoded(row.picture, shape, side)) for row in rows])
    text = np.array([row.text for row in rows], object)
    found = np.array([row.split for row in rows])
    given = {split or "train": np.flatnonzero(found == split) for split in set(found.tolist())}
    orders, divided = cut_splits(root, given, np.zeros(len(rows), np.int32))
    splits: dict[str, Any] = {
        split: Arrays({"image": image[order], "text": text[order]}, levels=256) for split, order in orders.items()
    }
    notes += [f"{len(rows)} pictures with captions", *changes(headers), *divided, *repeated(image, orders)]
    return captions(Dataset(name=f"captions:{path}", levels=256, notes=tuple(notes), **splits), cut)


def _of_line(row: Row, read: Any) -> Any:
    """What `read` makes of the row's picture; its UserError names the line, too."""
    try:
        return read(row)
    except UserError as error:
        raise UserError(f"{row.where}: {error}") from None


def _rows(root: Path) -> tuple[list[Row], list[str]]:
    """The captioned pictures of a folder, and notes."""
    tree = Tree(root)
    folders = [root, *(folder.path for folder in tree.folders if split_name(folder.name))]
    tables = [folder / name for folder in folders for name in METADATA if (folder / name).exists()]
    if not tables:
        raise UserError(
            f"there is no metadata.csv and no metadata.jsonl in {root}: write one with {FILE} and {TEXT} of each "
            "picture."
        )
    if doubled := [file for file in tables if file.with_name(METADATA[0]) in tables and file.name != METADATA[0]]:
        raise UserError(f"beside {doubled[0]} is {METADATA[0]}: remove one of them.")
    rows: dict[str, Row] = {}
    for table in tables:
        for where, name, text in _captions(table):
            row = _row(root, table, where, name, text)
            real = os.path.realpath(row.picture)
            if real in rows:
                raise UserError(f"{where} names {shown([name])}, which {rows[real].where} names too: keep one.")
            rows[real] = row
    if len({bool(row.split) for row in rows.values()}) > 1:
        without = next(row for row in rows.values() if not row.split)
        raise UserError(
            f"{without.where} names a picture in no split, and others are in splits: move it to train, validation "
            "or test."
        )
    left = [file.name for file in tree.every_picture() if os.path.realpath(file) not in rows]
    notes = [f"{len(left)} pictures without a caption are left out: {shown(left)}"] if left else []
    return list(rows.values()), notes


def _row(root: Path, table: Path, where: str, name: str, text: str) -> Row:
    for what, value in ((FILE, name), (TEXT, text)):
        if not value:
            raise UserError(f"{where} has no {what}: write one, or remove the line.")
    try:
        picture = table.parent / name.replace("\\", "/")
        inside = Path(os.path.normpath(picture)).relative_to(os.path.normpath(root))
        there = picture.is_file()
    except (OSError, ValueError):  # outside of the folder, too long a name, a zero byte
        there = False
    if not there:
        raise UserError(f"{where} names {shown([name])}, and there is no such file in {table.parent}: name one.")
    return Row(picture, text, split_name(inside.parts[0]) if len(inside.parts) > 1 else "", where)


def _captions(table: Path) -> Iterator[tuple[str, str, str]]:
    """("line 2 of FILE", file_name, text) of each row, without white space around them; either may be empty."""
    file, content = read(str(table), "captions")
    if table.suffix == ".jsonl":
        yield from _json_lines(file, content)
        return
    (_, head), *found = read_table(file, content)
    if missing := [name for name in (FILE, TEXT) if name not in head]:
        raise UserError(
            f"line 1 of {file} names no column {' and no column '.join(missing)} ({shown(head)}): add it."
        )
    if not found:
        raise UserError(f"there is nothing below line 1 of {file}: add a line for each picture.")
    for number, cells in found:
        where = f"line {number} of {file}"
        if len(cells) != len(head):
            raise UserError(
                f"{where} has {len(cells)} value(s) and line 1 names {len(head)} columns: put quotes around a text "
                "that holds a comma."
            )
        yield where, cells[head.index(FILE)], cells[head.index(TEXT)]


def _json_lines(file: Path, content: str) -> Iterator[tuple[str, str, str]]:
    for number, line in enumerate(lines(content), 1):
        where = f"line {number} of {file}"
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f'{where} is not JSON ({brief(error)}): write {{"{FILE}": …, "{TEXT}": …}}.') from None
        if not isinstance(found, dict) or (missing := [key for key in (FILE, TEXT) if key not in found]):
            what = f"no {' and no '.join(missing)}" if isinstance(found, dict) else "no names"
            raise UserError(f'{where} has {what}: write {{"{FILE}": …, "{TEXT}": …}}.')
        if wrong := [key for key in (FILE, TEXT) if not isinstance(found[key], str)]:
            raise UserError(f"{where} has a {wrong[0]} that is no text: write it in quotes.")
        yield where, found[FILE].strip(), found[TEXT].strip()
