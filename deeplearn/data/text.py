"""The user's own text: `text:FILE`, a plain text in UTF-8 for a language model.

Its first 80 % are for training, then 10 % for validation, the last 10 % for test. Each part is cut into windows
(see `forms.windows`) of characters, or of words or pieces: `text:FILE@word`, `text:FILE@piece`.
"""

from typing import Any

import numpy as np

from deeplearn.data.cut import split_cut
from deeplearn.data.dataset import Dataset
from deeplearn.data.forms import LENGTH, windows
from deeplearn.data.split import Arrays
from deeplearn.data.utf8 import read
from deeplearn.errors import UserError

LEAST = 10  # characters of a text: one for each part


def load_text(path: str) -> Dataset:
    """Columns `tokens` int32 [time] and `length`. Raises UserError for a file that is no text."""
    where, cut = split_cut(path)
    file, text = read(where, "text")
    count = len(text)
    if count < LEAST:
        raise UserError(
            f"{file} has only {count} characters to be cut into three parts: at least {LEAST} are needed."
        )
    parts = {
        "train": text[: count * 8 // 10],
        "validation": text[count * 8 // 10 : count * 9 // 10],
        "test": text[count * 9 // 10 :],
    }
    notes = (
        f"{count:,} characters, cut in their order: 80 % train, 10 % validation, 10 % test, in windows of {LENGTH}",
    )
    splits: dict[str, Any] = {split: Arrays({"text": np.array([part], object)}) for split, part in parts.items()}
    return windows(Dataset(name=f"text:{path}", notes=notes, **splits), cut)
