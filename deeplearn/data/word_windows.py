"""Words and the words around them, made on the fly from rows of tokens: what word vectors learn from.

Rare tokens are left out, frequent ones thinned out, and then each remaining word is a centre whose contexts are the
words at most b places away in its row, b drawn evenly from 1 to the window for each centre (Mikolov et al. 2013).
"""

from __future__ import annotations

import functools

import jax
import numpy as np

from deeplearn.data.endless import uniforms
from deeplearn.data.huffman import Codes
from deeplearn.data.split import Batch, Spec, Split
from deeplearn.data.vocabulary import SPECIAL
from deeplearn.errors import UserError

FORMS = ("program", "paper")
THINNINGS = 8  # of the text, each with other words left out
NOISE_POWER = 0.75  # noise is drawn as often as counts to this power say (Mikolov et al. 2013b, section 2.2)


def counted(split: Split, size: int, least: int = 1) -> np.ndarray:
    """How often each token stands in a split, int64 [size]: 0 for special tokens and those rarer than `least`."""
    columns = split.arrays()
    inside = np.arange(columns["tokens"].shape[1]) < columns["length"][:, None]
    counts = np.bincount(columns["tokens"][inside], minlength=size)
    counts[: len(SPECIAL)] = 0
    return np.where(counts < least, 0, counts)


def words_in_rows(split: Split, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The tokens of a split that have a count, one row after another, and the row of each: int32 [words] twice."""
    columns = split.arrays()
    tokens = columns["tokens"]
    kept = (np.arange(tokens.shape[1]) < columns["length"][:, None]) & (counts[tokens] > 0)
    return tokens[kept].astype(np.int32), np.nonzero(kept)[0].astype(np.int32)


def kept_fraction(counts: np.ndarray, threshold: float, form: str = "program") -> np.ndarray:
    """The fraction of a word's occurrences that is kept, float64 [size], of counts [size].

    With f its share of all words and t the threshold (0: all are kept): √(t / f) in the paper (Mikolov et al.
    2013b, equation 5), (√(f / t) + 1) · t / f in its authors' "program", at most 1 in both.
    """
    if not threshold or not counts.any():
        return np.ones(len(counts))
    share = threshold / np.maximum(counts / counts.sum(), 1e-300)  # t / f
    return np.minimum(1, np.sqrt(share) if form == "paper" else np.sqrt(share) + share)


class WordWindows:
    """A `Split` of centres with their contexts, one row for each word that thinning leaves, in each of `THINNINGS`.

    Columns: `center` int32 []; `context` int32 [2 · window], 0 where there is none; `noise` int32 [], a word drawn
    by counts to a power. codes: adds `path` and `sign` [depth], the way to the centre in a tree of words
    (`data.huffman`). parts: int32 [words, parts]; adds `parts` [parts], the row of the centre.

    counts: of the words, from `counted`. threshold, form: of `kept_fraction`. Rows are computed when they are first
    needed; UserError where there are none.
    """

    texts: tuple[str, ...] = ()

    def __init__(
        self,
        split: Split,
        counts: np.ndarray,
        window: int,
        threshold: float = 0.0,
        form: str = "program",
        codes: Codes | None = None,
        parts: np.ndarray | None = None,
        power: float = NOISE_POWER,
    ) -> None:
        self._split, self._counts, self._codes, self._parts = split, counts, codes, parts
        self._kept = kept_fraction(counts, threshold, form)
        self._offsets = np.concatenate([np.arange(-window, 0), np.arange(1, window + 1)]).astype(np.int32)
        self._window, self._power = window, power

    @functools.cached_property
    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        words, rows = words_in_rows(self._split, self._counts)
        rng = np.random.default_rng(0)
        kept = [rng.random(len(words)) < self._kept[words] for _ in range(THINNINGS)]
        last = int(rows[-1]) + 1 if len(rows) else 0
        thinned = [(words[one], rows[one] + number * last) for number, one in enumerate(kept)]
        found, places = (np.concatenate(columns) for columns in zip(*thinned, strict=True))
        if not len(found):
            raise UserError("no word is left to learn from: the text has no word that is frequent enough")
        return found, places

    @functools.cached_property
    def _padded(self) -> tuple[np.ndarray, np.ndarray]:
        """Words and rows with a window of nothing before and after them."""
        words, rows = self._rows
        return np.pad(words, self._window), np.pad(rows, self._window, constant_values=-1)

    @functools.cached_property
    def _noise(self) -> np.ndarray:
        weights = self._counts**self._power
        return np.cumsum(weights) / weights.sum()

    @property
    def spec(self) -> Spec:
        widths: dict[str, tuple[int, ...]] = {"center": (), "context": (2 * self._window,), "noise": ()}
        if self._codes is not None:
            widths |= {"path": self._codes.path.shape[1:], "sign": self._codes.sign.shape[1:]}
        if self._parts is not None:
            widths["parts"] = self._parts.shape[1:]
        return {name: jax.ShapeDtypeStruct(shape, np.int32) for name, shape in widths.items()}

    def __len__(self) -> int:
        return len(self._rows[0])

    def gather(self, indices: np.ndarray, among: np.ndarray | None = None) -> Batch:
        words, rows = self._padded
        drawn = uniforms(indices, 2, key=0)
        reach = 1 + (drawn[:, 0] * self._window).astype(np.int32)
        middle = np.asarray(indices) + self._window
        places = middle[:, None] + self._offsets
        inside = (np.abs(self._offsets) <= reach[:, None]) & (rows[places] == rows[middle][:, None])
        center = words[middle]
        columns = {
            "center": center,
            "context": words[places] * inside,  # 0, which is padding, where there is none
            "noise": np.searchsorted(self._noise, drawn[:, 1], side="right").astype(np.int32),
        }
        if self._codes is not None:
            columns |= {"path": self._codes.path[center], "sign": self._codes.sign[center]}
        if self._parts is not None:
            columns["parts"] = self._parts[center]
        return columns

    def arrays(self, limit: int | None = None) -> Batch:
        return self.gather(np.arange(len(self))[:limit])
