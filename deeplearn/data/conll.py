"""The user's own tagged sentences: `conll:FILE`, in UTF-8, on each line a token and its tag, empty lines between
sentences.

Tags are BIO (Ramshaw & Marcus, 1995, in the form called IOB2): B-KIND begins an entity, I-KIND goes on with it, O
is outside. Columns are separated by tabs, or else by spaces; of more than two, as CoNLL-2003 has, the first and the
last are read. Lines of -DOCSTART- are left out. Sentences are cut 80 / 10 / 10.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.labels import shown
from deeplearn.data.partition import absent_classes
from deeplearn.data.split import Arrays
from deeplearn.data.tokens import again, cut_splits, ragged, said
from deeplearn.data.utf8 import lines, read
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError

TAG = re.compile(r"O|[BI]-\S+")

Sentence = tuple[list[str], list[str]]  # tokens, tags


def load_conll(path: str) -> Dataset:
    """Columns `tokens` int32 [time] of words as they stand in the file, `tags` int32 [time] and `length` of both.

    classes[tag] names a tag: "O" is 0, which `tags` are also padded with. Raises UserError for any mistake.
    """
    file, text = read(path, "conll")
    sentences, notes = _sentences(file, text)
    inside = {tag for _, tags in sentences for tag in tags} - {"O"}
    classes = ("O", *sorted(inside, key=lambda tag: (tag[2:], tag)))
    orders, cut = cut_splits(file, {"train": np.arange(len(sentences))}, np.zeros(len(sentences), np.int32))
    words = {split: [sentences[row][0] for row in order] for split, order in orders.items()}
    vocabulary = Vocabulary.of(token for sentence in words["train"] for token in sentence)
    number = {tag: place for place, tag in enumerate(classes)}
    label = {
        split: [np.array([number[tag] for tag in sentences[row][1]], np.int32) for row in order]
        for split, order in orders.items()
    }
    ids = {split: [vocabulary.encode(sentence) for sentence in each] for split, each in words.items()}
    tokens, tagged = ragged(ids), ragged(label)
    splits: dict[str, Any] = {split: Arrays({"tokens": tokens[split], "tags": tagged[split]}) for split in orders}
    absent = absent_classes(np.concatenate(label["train"]), classes)
    notes += [f"{len(classes)} tags: {shown(classes)}", *cut, *said("sentences", ids, vocabulary)]
    notes += again(
        "sentences", {split: ["\0".join(sentence) for sentence in each] for split, each in words.items()}
    )
    notes += [f"tags without an example in train: {shown(absent)}"] if absent else []
    return Dataset(
        name=f"conll:{path}",
        classes=classes,
        vocabulary=vocabulary,
        about={"not in train": absent},
        notes=tuple(notes),
        **splits,
    )


def _sentences(file: Path, text: str) -> tuple[list[Sentence], list[str]]:
    """The sentences, none empty, and notes."""
    sentences: list[Sentence] = [([], [])]
    width, starts = 0, 0
    for number, line in enumerate(lines(text), 1):
        if not line.strip():
            sentences.append(([], []))
            continue
        where = f"line {number} of {file}"
        cells = [cell.strip() for cell in line.split("\t")] if "\t" in line else line.split()
        if len(cells) < 2 or not cells[0]:
            raise UserError(f"{where} is no token with a tag ({shown([line.strip()])}): write both, a tab between.")
        width = width or len(cells)
        if len(cells) != width:
            raise UserError(f"{where} has {len(cells)} columns and those before {width}: give all equally many.")
        token, tag = cells[0], cells[-1]
        if token == "-DOCSTART-":
            starts += 1
            continue
        tokens, tags = sentences[-1]
        if not TAG.fullmatch(tag):
            raise UserError(f"{where} has the tag {shown([tag]) or '(none)'}, not O, B-KIND or I-KIND: write one.")
        if tag.startswith("I-") and (not tags or tags[-1][1:] != tag[1:]):
            before = shown(tags[-1:]) or "nothing"
            raise UserError(
                f"{where} has the tag {shown([tag])} after {before}: begin with {shown(['B' + tag[1:]])}."
            )
        tokens.append(token)
        tags.append(tag)
    notes = [f"the first and the last of {width} columns are read"] if width > 2 else []
    notes += [f"lines of -DOCSTART- that are left out: {starts}"] if starts else []
    found = [sentence for sentence in sentences if sentence[0]]
    if not found:
        raise UserError(f"{file} has no sentence: write a token and its tag on each line.")
    return found, notes
