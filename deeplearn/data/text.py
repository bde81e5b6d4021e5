"""The user's own text: `text:FILE`, a plain text in UTF-8 for a language model.

Its first 80 % are for training, then 10 % for validation, the last 10 % for test. Each part is cut into windows of
LENGTH characters in the order of the text, the last one shorter: joined, the windows of a part are that part. There
is no begin or end among the tokens.
"""

from typing import Any

import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.ragged import Ragged
from deeplearn.data.split import Arrays
from deeplearn.data.tokens import unseen
from deeplearn.data.utf8 import read
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError

LENGTH = 128  # characters of a window
LEAST = 10  # characters of a text: one for each part


def load_text(path: str) -> Dataset:
    """Columns `tokens` int32 [time] of characters and `length`. Raises UserError for a file that is no text."""
    file, text = read(path, "text")
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
    vocabulary = Vocabulary.characters([parts["train"]])
    notes = [
        f"{count:,} characters, cut in their order: 80 % train, 10 % validation, 10 % test, in windows of {LENGTH}"
    ]
    for split in ("validation", "test"):
        notes += unseen([parts[split]], split, vocabulary)
    splits: dict[str, Any] = {split: windows(vocabulary.encode(part)) for split, part in parts.items()}
    return Dataset(name=f"text:{path}", vocabulary=vocabulary, notes=tuple(notes), **splits)


def windows(ids: np.ndarray, length: int = LENGTH) -> Arrays:
    """ids [total] cut into rows of `length` `tokens`, the last one shorter."""
    offsets = np.append(np.arange(0, len(ids), length), len(ids))
    return Arrays({"tokens": Ragged(ids, offsets, buckets=(length,))})
