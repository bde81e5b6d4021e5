"""The user's own pairs of texts: `pairs:FILE`, in UTF-8, on each line a source, a tab and its translation.

A folder in place of the file is one of pictures (`deeplearn.data.picture_pairs`).

Further columns, such as Tatoeba's of authors, are not read. Pairs are cut 80 / 10 / 10. A text, without white space
around it, is its characters, or its words or pieces: `pairs:FILE@word`, `pairs:FILE@piece`.
"""

from pathlib import Path
from typing import Any

import numpy as np

from deeplearn.data.cut import split_cut
from deeplearn.data.dataset import Dataset
from deeplearn.data.files import is_folder
from deeplearn.data.forms import pairs
from deeplearn.data.images import split_side
from deeplearn.data.picture_pairs import load_picture_pairs
from deeplearn.data.split import Arrays
from deeplearn.data.tokens import cut_splits
from deeplearn.data.utf8 import lines, read
from deeplearn.errors import UserError


def load_pairs(path: str) -> Dataset:
    """The columns of `forms.pairs`, or pictures. Raises UserError for any mistake in the file, or folder."""
    if is_folder(split_side(path)[0]):
        return load_picture_pairs(path)
    where, cut = split_cut(path)
    file, text = read(where, "pairs")
    sources, targets, notes = _pairs(file, text)
    orders, divided = cut_splits(file, {"train": np.arange(len(sources))}, np.zeros(len(sources), np.int32))
    source, target = np.array(sources, object), np.array(targets, object)
    splits: dict[str, Any] = {
        split: Arrays({"source": source[order], "target": target[order]}) for split, order in orders.items()
    }
    return pairs(Dataset(name=f"pairs:{path}", notes=(*notes, *divided), **splits), cut)


def _pairs(file: Path, text: str) -> tuple[list[str], list[str], list[str]]:
    """Sources, targets, and notes."""
    sources, targets, width = [], [], 0
    for number, line in enumerate(lines(text), 1):
        where, cells = f"line {number} of {file}", [cell.strip() for cell in line.split("\t")]
        if not any(cells):
            raise UserError(f"{where} is empty: remove it.")
        if len(cells) < 2:
            raise UserError(f"{where} has no tab: write a source, a tab and a target.")
        width = width or len(cells)
        if len(cells) != width:
            raise UserError(
                f"{where} has {len(cells)} columns and line 1 has {width}: give all lines equally many."
            )
        if empty := [name for name, cell in zip(("source", "target"), cells, strict=False) if not cell]:
            raise UserError(f"{where} has no {empty[0]}: write one, or remove the line.")
        sources.append(cells[0])
        targets.append(cells[1])
    return sources, targets, [f"the first 2 of {width} columns are read"] if width > 2 else []
