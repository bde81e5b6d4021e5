"""Texts as integers, and back."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from deeplearn.data.ragged import Ragged
from deeplearn.data.split import Arrays, Split
from deeplearn.errors import UserError

SPECIAL = ("<pad>", "<unknown>", "<begin>", "<end>")  # ids 0, 1, 2, 3 of every vocabulary
WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Vocabulary:
    """Tokens and their ids, both ways: tokens[id].

    tokens: all different; the first four are SPECIAL. A text that spells one of these gets `unknown`.
    level: how a text is cut: "character", or "word" (runs of letters and digits; every other sign by itself).
    """

    tokens: tuple[str, ...]
    level: str

    pad, unknown, begin, end = range(4)

    def __post_init__(self) -> None:
        if self.tokens[:4] != SPECIAL or len(set(self.tokens)) < len(self.tokens):
            raise ValueError(f"the tokens of a vocabulary are {SPECIAL} and others, each once")
        if self.level not in ("character", "word"):
            raise ValueError(f"a vocabulary's level is character or word, not {self.level!r}")

    @classmethod
    def characters(cls, texts: Iterable[str], limit: int | None = None) -> Vocabulary:
        """The characters of these texts, the most frequent first, at most `limit` in addition to the special
        tokens."""
        return cls._counted((token for text in texts for token in text), "character", limit)

    @classmethod
    def words(cls, texts: Iterable[str], limit: int | None = None) -> Vocabulary:
        """The words and signs of these texts, the most frequent first, at most `limit` in addition to the special
        tokens."""
        return cls.of((token for text in texts for token in _cut(text, "word")), limit)

    @classmethod
    def of(cls, words: Iterable[str], limit: int | None = None) -> Vocabulary:
        """These words, cut by somebody else, the most frequent first, at most `limit` in addition to the special
        tokens."""
        return cls._counted(words, "word", limit)

    @classmethod
    def _counted(cls, tokens: Iterable[str], level: str, limit: int | None) -> Vocabulary:
        counts = Counter(tokens)
        ordered = sorted(counts.keys() - set(SPECIAL), key=lambda token: (-counts[token], token))
        return cls(SPECIAL + tuple(ordered[:limit]), level)

    def __len__(self) -> int:
        return len(self.tokens)

    def cut(self, text: str) -> list[str]:
        """A text's characters or words."""
        return _cut(text, self.level)

    def join(self, tokens: Iterable[str]) -> str:
        """A text of these tokens; words are separated by spaces, whatever was between them."""
        return ("" if self.level == "character" else " ").join(tokens)

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """int32 [length]; tokens that are not in the vocabulary get `unknown`."""
        return np.array([self._ids.get(token, self.unknown) for token in tokens], np.int32)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The tokens up to the first `end`, `pad` and `begin` left out."""
        tokens = []
        for number in np.asarray(ids, int).tolist():
            if number == self.end:
                break
            if number not in (self.pad, self.begin):
                tokens.append(self.tokens[number])
        return tokens

    @functools.cached_property
    def _ids(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens) if number >= len(SPECIAL)}


def _cut(text: str, level: str) -> list[str]:
    return list(text) if level == "character" else WORD.findall(text)


def tokenised(
    split: Split,
    column: str,
    vocabulary: Vocabulary,
    limit: int | None = None,
    *,
    buckets: Sequence[int] | None = None,
    enclosed: bool = False,
    name: str = "tokens",
    length: str = "length",
) -> Arrays:
    """The split, in memory, with a text column replaced by its tokens.

    The column `name` int32 [time] holds ids padded with 0, `length` int32 [] how many; other columns stay.
    limit: the maximum number of tokens in a text. buckets: widths of batches (see `Ragged`).
    enclosed: put `begin` before and `end` after each text; they count towards its length.

    UserError where the split has no such text column, and, naming the row, where a text is longer than allowed.
    """
    if column not in split.texts:
        raise UserError(f"there is no text column {column!r}: there is {', '.join(split.texts) or 'no text'}")
    whole = split if isinstance(split, Arrays) else Arrays(split.arrays())
    begin, end = ([vocabulary.begin], [vocabulary.end]) if enclosed else ([], [])
    ids = [[*begin, *vocabulary.encode(vocabulary.cut(text)).tolist(), *end] for text in whole.column(column)]
    return whole.replaced({column: None, name: Ragged.of(ids, buckets=buckets, limit=limit, length=length)})
