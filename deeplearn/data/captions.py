"""The user's own pictures with captions: `captions:PATH`, as image folders of Hugging Face's `datasets` have them.

Beside the pictures is metadata.csv or metadata.jsonl, in UTF-8, with a file_name, from where it stands, and a text
for each. Pictures may lie in folders train, validation and test, each with such a file or all named in one above
them; without these they are cut 80 / 10 / 10. `captions:PATH@64` cuts the central square out of each picture and
resizes it to 64×64; without it all must have one size. Captions are cut into words, or, as
`captions:PATH@64@character` and `@piece` say, into characters or pieces.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from deeplearn.data import decode
from deeplearn.data.cut import split_cut
from deeplearn.data.dataset import Dataset
from deeplearn.data.folder import at_side, changes, common_shape, decoded
from deeplearn.data.forms import captions
from deeplearn.data.labels import shown
from deeplearn.data.metadata import Row, read_metadata
from deeplearn.data.partition import repeated
from deeplearn.data.pictures import read_header
from deeplearn.data.split import Arrays
from deeplearn.data.tokens import cut_splits
from deeplearn.data.tree import Tree
from deeplearn.errors import UserError


def load_captions(path: str) -> Dataset:
    """The columns of `forms.captions`. Raises UserError for any mistake in the folder."""
    where, cut = split_cut(path)
    root, side = at_side(where, "captions")
    rows = read_metadata(root)
    files = [row.file for row in rows]
    headers = [_of_line(row, lambda row: read_header(row.file)) for row in rows]
    shape = common_shape(files, headers, side, f"captions:{where}")
    if (size := len(rows) * int(np.prod(shape))) > decode.MEMORY_BYTES:
        raise UserError(
            f"the {len(rows)} pictures of {root} take {size:,} bytes, more than {decode.MEMORY_BYTES:,}: make them "
            f"smaller, such as captions:{root}@64."
        )
    image = np.stack([_of_line(row, lambda row: decoded(row.file, shape, side)) for row in rows])
    text = np.array([row.text for row in rows], object)
    found = np.array([row.split for row in rows])
    given = {split or "train": np.flatnonzero(found == split) for split in set(found.tolist())}
    orders, divided = cut_splits(root, given, np.zeros(len(rows), np.int32))
    splits: dict[str, Any] = {
        split: Arrays({"image": image[order], "text": text[order]}, levels=256) for split, order in orders.items()
    }
    named = {os.path.realpath(file) for file in files}
    left = [file.name for file in Tree(root).every_picture() if os.path.realpath(file) not in named]
    notes = [f"{len(left)} pictures without a caption are left out: {shown(left)}"] if left else []
    notes += [f"{len(rows)} pictures with captions", *changes(headers), *divided, *repeated(image, orders)]
    return captions(Dataset(name=f"captions:{path}", levels=256, notes=tuple(notes), **splits), cut)


def _of_line(row: Row, read: Callable[[Row], Any]) -> Any:
    """What `read` makes of the row's picture; its UserError names the line, too."""
    try:
        return read(row)
    except UserError as error:
        raise UserError(f"{row.where}: {error}") from None
