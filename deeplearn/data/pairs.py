"""The user's own pairs of texts: `pairs:FILE`, in UTF-8, on each line a source, a tab and its translation.

Further columns, such as Tatoeba's of authors, are not read. Pairs are cut 80 / 10 / 10; one vocabulary serves both
sides. A text is its characters, without white space around it.
"""

from pathlib import Path
from typing import Any

import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.split import Arrays
from deeplearn.data.tokens import again, cut_splits, ragged, said
from deeplearn.data.utf8 import lines, read
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError


def load_pairs(path: str) -> Dataset:
    """Columns `source` and `target`, int32 [time], with `source_length` and `target_length`.

    A target stands between `begin` and `end`, which count towards its length. Raises UserError for any mistake.
    """
    file, text = read(path, "pairs")
    sources, targets, notes = _pairs(file, text)
    orders, cut = cut_splits(file, {"train": np.arange(len(sources))}, np.zeros(len(sources), np.int32))
    vocabulary = Vocabulary.characters(side[row] for side in (sources, targets) for row in orders["train"])
    source = ragged([vocabulary.encode(one) for one in sources], orders, "source_length")
    enclosed = [np.array([vocabulary.begin, *vocabulary.encode(one), vocabulary.end], np.int32) for one in targets]
    target = ragged(enclosed, orders, "target_length")
    splits: dict[str, Any] = {split: Arrays({"source": source[split], "target": target[split]}) for split in orders}
    notes += [*cut, *said("sources", sources, orders, vocabulary), *said("targets", targets, orders, vocabulary)]
    notes += again("sources", sources, orders)
    return Dataset(name=f"pairs:{path}", vocabulary=vocabulary, notes=tuple(notes), **splits)


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
