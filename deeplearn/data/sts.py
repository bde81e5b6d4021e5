"""The user's own pairs of sentences with a score: `sts:FILE`, a table in UTF-8, as of semantic textual similarity.

Its first line names the columns `sentence1`, `sentence2` and `score`, in any order and case; a column `split` says
which split a pair belongs to, else pairs are cut 80 / 10 / 10. Columns are separated by tabs, commas, semicolons or
|; others, as STS-B has them, are not read. A score is a number: higher is closer. A sentence, without white space
around it, is its words, or its characters or pieces: `sts:FILE@character`, `sts:FILE@piece`.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from deeplearn.data.csv_labels import SPLIT
from deeplearn.data.csv_texts import records, table
from deeplearn.data.cut import split_cut
from deeplearn.data.dataset import Dataset
from deeplearn.data.forms import sentences
from deeplearn.data.labels import shown
from deeplearn.data.split import Arrays
from deeplearn.data.tokens import cut_splits
from deeplearn.data.utf8 import read
from deeplearn.errors import UserError

SIDES = ("sentence1", "sentence2")
NEEDED = (*SIDES, "score")
LARGEST = 1e30  # of the scores: they are float32


def load_sts(path: str) -> Dataset:
    """The columns of `forms.sentences` and `closeness` float32 [], the score: rows 2i and 2i + 1 are a pair.

    Raises UserError for any mistake in the file.
    """
    where, cut = split_cut(path)
    file, content = read(where, "sts")
    texts, scores, found = _rows(file, content)
    given = {split or "train": np.flatnonzero(found == split) for split in set(found.tolist())}
    orders, notes = cut_splits(file, given, np.zeros(len(scores), np.int32))
    splits: dict[str, Any] = {
        split: Arrays({"text": texts[order].reshape(-1), "closeness": scores[order].repeat(2)})
        for split, order in orders.items()
    }
    return sentences(Dataset(name=f"sts:{path}", notes=tuple(notes), **splits), cut)


def _rows(file: Path, content: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texts [pairs, 2], scores float32 [pairs], and names of splits [pairs], "" where none is given."""
    (_, head), *body = table(file, content)
    named = {name.casefold(): number for number, name in reversed(list(enumerate(head)))}
    if missing := [name for name in NEEDED if name not in named]:
        raise UserError(
            f"line 1 of {file} names no column {' and no column '.join(missing)} ({shown(head)}): begin it with "
            "sentence1, sentence2, score, between tabs or commas."
        )
    columns = {name: named[name] for name in NEEDED}
    if given := [named[name] for name in SPLIT if name in named]:
        columns["split"] = given[0]
    rows = list(records(file, head, body, columns))
    texts = np.array([[found[side] for side in SIDES] for _, found in rows], object)
    scores = np.array([_score(found["score"], where) for where, found in rows], np.float32)
    return texts, scores, np.array([found["split"] for _, found in rows])


def _score(text: str, where: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not abs(score) < LARGEST:
        raise UserError(f"{where} has the score {shown([text])}: write a number.")
    return score
