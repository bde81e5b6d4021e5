"""Files that people judge word vectors by: analogies, and pairs of words with how similar people find them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deeplearn.data.utf8 import read
from deeplearn.errors import UserError
from deeplearn.metrics.closeness import cosines, spearman
from deeplearn.metrics.word_vectors import analogy_accuracy
from deeplearn.vectors.table import Vectors

SCORES = (
    "simlex999",
    "human (mean)",
    "score",
    "similarity",
)  # the column of scores, where a file names its columns

Analogy = tuple[str, ...]  # its section, and a, b, c, d: a is to b as c is to d
Judged = tuple[str, str, float]


def read_analogies(path: str) -> list[Analogy]:
    """Lines of four words, and ": name" before a section (the form of questions-words.txt, Mikolov et al. 2013)."""
    file, text = read(path, "--analogies")
    section, found = "", list[Analogy]()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if line.startswith(":"):
            section = line[1:].strip()
        elif len(words) == 4:
            found.append((section, words[0], words[1], words[2], words[3]))
        elif words:
            raise UserError(f"line {number} of {file} should be four words, or a section's name after a colon")
    if not found:
        raise UserError(f"{file} has no analogy: it needs lines of four words")
    return found


def read_judged(path: str) -> list[Judged]:
    """Lines of two words and a number, apart by tabs, commas, semicolons or spaces (WordSim-353, SimLex-999).

    A first line may name the columns; a line that begins with # is none.
    """
    file, text = read(path, "--judged")
    place, found, first = 2, list[Judged](), True
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        header, first = first, False
        separator = next((sign for sign in "\t;," if sign in line), None)
        fields = [one.strip() for one in line.split(separator)]
        if header and len(fields) > 2 and not any(map(_number, fields[2:])):
            names = [name.lower() for name in fields]
            place = next((names.index(name) for name in SCORES if name in names), 2)
        elif len(fields) <= place or not _number(fields[place]):
            raise UserError(f"line {number} of {file} should be two words and a number")
        else:
            found.append((fields[0], fields[1], float(fields[place])))
    if len(found) < 2:
        raise UserError(f"{file} has {len(found)} judged pair(s): there should be some, to be put in order")
    return found


def _number(text: str) -> bool:
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", text) is not None


def of_analogies(vectors: Vectors, analogies: Sequence[Analogy]) -> dict[str, float]:
    """`analogies` and `analogies_mul`, the accuracy by 3CosAdd and 3CosMul, and `answered`, the fraction asked.

    Questions with unknown words are not asked.
    """
    ids = [[vectors.find(word) for word in words] for _, *words in analogies]
    known = np.array([one for one in ids if None not in one], np.int64).reshape(-1, 4)
    metrics = {"answered": len(known) / len(analogies)}
    if len(known):
        for name, form in (("analogies", "add"), ("analogies_mul", "mul")):
            metrics[name] = analogy_accuracy(vectors.table, known, form)
    return metrics


def of_judged(vectors: Vectors, judged: Sequence[Judged]) -> dict[str, float]:
    """`similarity`, Spearman's ρ of cosines and judgements, and `judged`, the fraction of pairs that are known."""
    known = [(one, other, score) for one, other, score in judged if _known(vectors, one) and _known(vectors, other)]
    metrics = {"judged": len(known) / len(judged)}
    if len(known) > 1:
        pairs = np.stack([vectors[word] for one, other, _ in known for word in (one, other)])
        metrics["similarity"] = spearman(cosines(pairs), np.array([score for *_, score in known]))
    return metrics


def _known(vectors: Vectors, word: str) -> bool:
    return vectors.find(word) is not None or (vectors.subwords is not None and len(vectors.subwords.rows(word)) > 0)


def name_of(path: str) -> str:
    """What a file's metric is called after."""
    return re.sub(r"\W+", "_", Path(path).stem.lower())
