"""Words and their vectors, and where there are vectors of n-grams, vectors of words never seen."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Collection, Sequence

import numpy as np

from deeplearn.data.subwords import buckets_of
from deeplearn.errors import UserError
from deeplearn.metrics.closeness import unit


@dataclasses.dataclass(frozen=True)
class Subwords:
    """fastText's second table: `words` float32 [N, D], each word's own row, and `buckets` [B, D], those of n-grams
    of `least` to `most` characters."""

    words: np.ndarray
    buckets: np.ndarray
    least: int
    most: int

    def rows(self, word: str) -> np.ndarray:
        """The rows of a word's n-grams, [pieces, D]; none for a word shorter than all of them."""
        return self.buckets[buckets_of(word, len(self.buckets), self.least, self.most)]


@dataclasses.dataclass(frozen=True)
class Vectors:
    """words: all different, the most frequent first where that is known. table: their vectors, float32 [N, D].

    counts: how often each occurred, int64 [N], where that is known. subwords: what the table was made from, where
    each is the mean of a word's row and those of its n-grams.
    """

    words: tuple[str, ...]
    table: np.ndarray
    counts: np.ndarray | None = None
    subwords: Subwords | None = None

    @classmethod
    def of_subwords(cls, words: Sequence[str], subwords: Subwords, counts: np.ndarray | None = None) -> Vectors:
        """The vector of each word: the mean of its row and those of its n-grams, as in fastText's program."""
        table = [
            np.vstack([subwords.words[number : number + 1], subwords.rows(word)]).mean(0)
            for number, word in enumerate(words)
        ]
        return cls(tuple(words), np.asarray(table, np.float32), counts, subwords)

    @functools.cached_property
    def ids(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    @functools.cached_property
    def _units(self) -> np.ndarray:
        return unit(self.table).astype(np.float32)

    def find(self, word: str) -> int | None:
        """The number of a word as it is written, or else in small letters; None where it is unknown."""
        return self.ids.get(word, self.ids.get(word.lower()))

    def __getitem__(self, word: str) -> np.ndarray:
        """The vector of a word [D], of one never seen by its n-grams. UserError where there is none."""
        if (number := self.find(word)) is not None:
            return self.table[number]
        if (composed := self.composed(word)).any():
            return composed
        near = difflib.get_close_matches(word, self.words, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise UserError(f"{word!r} is not among the {len(self.words)} words{hint}")

    def composed(self, word: str) -> np.ndarray:
        """The mean of the vectors of a word's n-grams [D]; zeros where there are none."""
        if self.subwords is None or not len(rows := self.subwords.rows(word)):
            return np.zeros(self.table.shape[1], np.float32)
        return rows.mean(0)

    def nearest(self, vector: np.ndarray, count: int, without: Collection[str] = ()) -> list[tuple[str, float]]:
        """The words with the largest cosine to a vector [D], and their cosines, the nearest first."""
        scores = self._units @ unit(np.asarray(vector)[None])[0].astype(np.float32)
        return self.best(scores, count, without)

    def best(self, scores: np.ndarray, count: int, without: Collection[str] = ()) -> list[tuple[str, float]]:
        """The words with the largest scores [N]."""
        scores = np.array(scores, np.float64)
        scores[[number for word in without if (number := self.find(word)) is not None]] = -np.inf
        order = np.argsort(-scores, kind="stable")[:count]
        return [(self.words[number], float(scores[number])) for number in order if np.isfinite(scores[number])]
