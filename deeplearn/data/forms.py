"""From columns of texts to columns of tokens: each form of data is one function of a data set and a `Cut`.

The user's files, TFDS's sets and our own builders give columns of texts, and all become tokens here. The vocabulary
is that of train. Texts stay beside their tokens, for what reads texts (baselines); a text without a token becomes
one unknown token, so no sequence is empty.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from deeplearn.data.cut import Cut
from deeplearn.data.dataset import Dataset
from deeplearn.data.ragged import Ragged
from deeplearn.data.split import Arrays
from deeplearn.data.tokens import again, ragged, said, unseen
from deeplearn.data.treebank import listops
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError

SPLITS = ("train", "validation", "test")
LENGTH = 128  # tokens of a window
FIRST_TAG = "a"  # the character that stands for tag 0

# A column of texts that is to become tokens, in a set that somebody else made.
TEXT = (
    *("text", "texts", "sentence", "review", "comment", "message", "content", "document", "tweet", "headline"),
    *("title", "word", "name"),
)


def windows(dataset: Dataset, cut: Cut | None) -> Dataset:
    """`text` -> `tokens` int32 [time] with `length`: the texts of a split joined, in windows of LENGTH tokens.

    There is no begin or end among the tokens; the windows of a split, joined, are its text.
    """
    parts = {split: "".join(_texts(dataset, split, "text")) for split in SPLITS}
    vocabulary = (cut or Cut()).vocabulary([parts["train"]])
    ids = {split: vocabulary.ids(part) for split, part in parts.items()}
    if short := [split for split in SPLITS if not len(ids[split])]:
        raise UserError(f"{dataset.name} has no {vocabulary.level} in {short[0]}: it needs a longer text.")
    notes = [note for split in ("validation", "test") for note in unseen([ids[split]], split, vocabulary)]
    splits: dict[str, Any] = {split: Arrays({"tokens": _windows(ids[split])}) for split in SPLITS}
    return dataclasses.replace(dataset, vocabulary=vocabulary, notes=(*dataset.notes, *notes), **splits)


def _windows(ids: np.ndarray) -> Ragged:
    offsets = np.append(np.arange(0, len(ids), LENGTH), len(ids))
    return Ragged(ids, offsets, buckets=(LENGTH,))


def labelled(dataset: Dataset, cut: Cut | None) -> Dataset:
    """`text`, or a column of another usual name (TEXT), -> `tokens` int32 [time] with `length`, and `text`."""
    column = next(name for name in TEXT if name in dataset.train.texts)
    texts = {split: _texts(dataset, split, column) for split in SPLITS}
    vocabulary = (cut or Cut()).vocabulary(texts["train"])
    ids = {split: [_ids(text, vocabulary) for text in texts[split]] for split in SPLITS}
    tokens = ragged(ids)
    columns = {split: {"text": np.array(texts[split], object), "tokens": tokens[split]} for split in SPLITS}
    return _replaced(dataset, vocabulary, columns, [*said("texts", ids, vocabulary), *again("texts", texts)])


def pairs(dataset: Dataset, cut: Cut | None) -> Dataset:
    """`source` and `target` -> int32 [time] with `source_length`, `target_length`; their texts as `source_text`, ….

    A target stands between `begin` and `end`, which count towards its length. One vocabulary serves both sides.
    """
    texts = {side: {split: _texts(dataset, split, side) for split in SPLITS} for side in ("source", "target")}
    vocabulary = (cut or Cut()).vocabulary(text for side in texts.values() for text in side["train"])
    columns: dict[str, dict[str, Any]] = {split: {} for split in SPLITS}
    notes: list[str] = []
    for side, each in texts.items():
        ids = {split: [_ids(text, vocabulary) for text in each[split]] for split in SPLITS}
        notes += said(f"{side}s", ids, vocabulary)
        if side == "target":
            ids = {split: [_enclosed(one, vocabulary) for one in ids[split]] for split in SPLITS}
        for split, column in ragged(ids, f"{side}_length").items():
            columns[split] |= {f"{side}_text": np.array(each[split], object), side: column}
    return _replaced(dataset, vocabulary, columns, notes + again("sources", texts["source"]))


def captions(dataset: Dataset, cut: Cut | None) -> Dataset:
    """`text` beside an `image` -> `tokens` between `begin` and `end`, with `length`, and `text`."""
    texts = {split: _texts(dataset, split, "text") for split in SPLITS}
    vocabulary = (cut or Cut("word")).vocabulary(texts["train"])
    ids = {split: [_ids(text, vocabulary) for text in texts[split]] for split in SPLITS}
    tokens = ragged({split: [_enclosed(one, vocabulary) for one in ids[split]] for split in SPLITS})
    return _replaced(
        dataset,
        vocabulary,
        {split: {"tokens": tokens[split]} for split in SPLITS},
        said("captions", ids, vocabulary),
    )


def tagged(dataset: Dataset, cut: Cut | None) -> Dataset:
    """`text` and `tags`, a text as long -> `tokens` and `tags` int32 [time] with the `length` of both.

    The tag of a character is the place of its letter in `tags` after FIRST_TAG: "a" is classes[0], "b" classes[1].
    """
    if cut and cut.level != "character":
        raise UserError(f"every character of {dataset.name} has a tag: leave out @{cut.level}.")
    texts, tags = ({split: _texts(dataset, split, column) for split in SPLITS} for column in ("text", "tags"))
    vocabulary = (cut or Cut()).vocabulary(texts["train"])
    ids = {split: [vocabulary.ids(text) for text in texts[split]] for split in SPLITS}
    letters = {split: [_letters(one) for one in tags[split]] for split in SPLITS}
    tokens, numbers = ragged(ids), ragged(letters)
    columns = {split: {"text": None, "tokens": tokens[split], "tags": numbers[split]} for split in SPLITS}
    return _replaced(dataset, vocabulary, columns, said("texts", ids, vocabulary))


def speech(dataset: Dataset, cut: Cut | None) -> Dataset:
    """What is said in `sound`, `text` or else the name of its `label`, -> `tokens` with `length`, and `text`.

    Words are tokens, if the name of the set does not say otherwise.
    """
    if "text" in dataset.train.texts:
        texts = {split: _texts(dataset, split, "text") for split in SPLITS}
    else:
        labels = {split: getattr(dataset, split).column("label") for split in SPLITS}
        texts = {split: [dataset.classes[label] for label in labels[split]] for split in SPLITS}
    vocabulary = (cut or Cut("word")).vocabulary(texts["train"])
    ids = {split: [_ids(text, vocabulary) for text in texts[split]] for split in SPLITS}
    tokens = ragged(ids)
    columns = {split: {"text": np.array(texts[split], object), "tokens": tokens[split]} for split in SPLITS}
    return _replaced(dataset, vocabulary, columns, said("recordings", ids, vocabulary))


def sentences(dataset: Dataset, cut: Cut | None) -> Dataset:
    """The columns of `labelled`, with or without a label; words are tokens, if the name does not say otherwise."""
    return labelled(dataset, cut or Cut("word"))


FORMS: dict[str, Callable[[Dataset, Cut | None], Dataset]] = {
    "text": windows,
    "labelled": labelled,
    "pairs": pairs,
    "captions": captions,
    "tagged": tagged,
    "speech": speech,
    "listops": listops,
    "sentences": sentences,
}


def form_of(dataset: Dataset) -> str | None:
    """The form of a set that somebody else made; None where it holds no text that is to become tokens."""
    if "image" in dataset.train.spec:
        return None
    if "sound" in dataset.train.spec:
        return "speech" if "text" in dataset.train.texts or dataset.classes else None
    if "label" in dataset.train.spec and any(name in dataset.train.texts for name in TEXT):
        return "labelled"
    return "text" if dataset.train.texts == ("text",) and not dataset.train.spec else None


def _texts(dataset: Dataset, split: str, column: str) -> list[str]:
    texts: list[str] = getattr(dataset, split).arrays()[column].tolist()
    return texts


def _ids(text: str, vocabulary: Vocabulary) -> np.ndarray:
    ids = vocabulary.ids(text)
    return ids if len(ids) else np.array([vocabulary.unknown], np.int32)


def _enclosed(ids: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    return np.array([vocabulary.begin, *ids, vocabulary.end], np.int32)


def _letters(tags: str) -> np.ndarray:
    return np.array([ord(letter) - ord(FIRST_TAG) for letter in tags], np.int32)


def _replaced(
    dataset: Dataset, vocabulary: Vocabulary, columns: dict[str, dict[str, Any]], notes: list[str]
) -> Dataset:
    """With these columns in each split, and the others as they are."""
    splits: dict[str, Any] = {}
    for name in SPLITS:
        split = getattr(dataset, name)
        whole = split if isinstance(split, Arrays) else Arrays(split.arrays())
        splits[name] = whole.replaced(columns[name])
    return dataclasses.replace(dataset, vocabulary=vocabulary, notes=(*dataset.notes, *notes), **splits)
