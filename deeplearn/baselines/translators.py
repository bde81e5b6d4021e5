"""Translators without a network: a dictionary that is learnt from pairs, and the nearest pair of train."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.metrics.text import text_agreement

LIMIT = 10_000  # pairs of train that are read
ROUNDS = (1, 3, 10)  # of expectation maximisation
LONGEST = (2, 3, 4, 5)  # n-grams of characters
CELLS = 2**24  # of a block of similarities

# Where a script changes a word ends: Japanese has no spaces. A sign is a word of its own.
HAN, HIRAGANA, KATAKANA = "\u3005\u4e00-\u9fff", "\u3040-\u309f", "\u30a0-\u30ff"
WORD = re.compile(rf"\d+|[{HAN}]+|[{HIRAGANA}]+|[{KATAKANA}]+|[^\W\d_{HAN}{HIRAGANA}{KATAKANA}]+|[^\w\s]|_")

Translate = Callable[[Sequence[str]], list[str]]


def words(text: str) -> list[str]:
    """Runs of one script, of digits, and single signs."""
    return WORD.findall(text)


class Dictionary:
    """t(f | e), how probable a word f of a target is for a word e of a source: IBM model 1 (Brown et al. 1993).

    Every word of a target comes from one word of its source, or from none, the word NONE; which one is hidden,
    and all are alike before the words are seen (section 4.1). Fitted by expectation maximisation, from equal
    probabilities.
    """

    NONE = ""

    def __init__(self, pairs: Sequence[tuple[Sequence[str], Sequence[str]]]):
        self.sources: dict[str, int] = {self.NONE: 0}
        self.targets: dict[str, int] = {}
        e, f, at, place = [], [], [], 0
        for source, target in pairs:
            ours = [0, *(self.sources.setdefault(word, len(self.sources)) for word in source)]
            theirs = [self.targets.setdefault(word, len(self.targets)) for word in target]
            e.append(np.tile(np.array(ours, np.int32), len(theirs)))
            f.append(np.repeat(np.array(theirs, np.int32), len(ours)))
            at.append(np.repeat(np.arange(place, place + len(theirs)), len(ours)))
            place += len(theirs)
        # What may have come from what: a pair of words for each, and the place of the target's word.
        both = np.concatenate(e).astype(np.int64) * len(self.targets) + np.concatenate(f)
        self._both, self._event = np.unique(both, return_inverse=True)
        self._at = np.concatenate(at)
        self._e = self._both // max(1, len(self.targets))
        self.probability = np.full(len(self._both), 1.0)

    def fit(self, rounds: int) -> None:
        """That many rounds more."""
        for _ in range(rounds):
            weight = self.probability[self._event]
            share = weight / np.bincount(self._at, weight)[self._at]
            count = np.bincount(self._event, share, len(self._both))
            self.probability = count / np.bincount(self._e, count)[self._e]

    def table(self) -> dict[tuple[str, str], float]:
        """{(e, f): t(f | e)} of all words that are in one pair."""
        sources, targets = list(self.sources), list(self.targets)
        return {
            (sources[both // len(targets)], targets[both % len(targets)]): chance
            for both, chance in zip(self._both.tolist(), self.probability.tolist(), strict=True)
        }

    def best(self) -> dict[str, str]:
        """The most probable word of a target for each word of a source."""
        found: dict[str, tuple[float, str]] = {}
        for (e, f), chance in self.table().items():
            found[e] = max(found.get(e, (0.0, "")), (chance, f))
        return {e: f for e, (_, f) in found.items()}


def dictionary(sources: Sequence[str], targets: Sequence[str], rounds: int) -> Translate:
    """Word by word, in the order of the source; words that it does not know stay as they are.

    Words are written together where most targets have no spaces.
    """
    model = Dictionary([(words(source), words(target)) for source, target in zip(sources, targets, strict=True)])
    model.fit(rounds)
    best = model.best()
    space = " " if 2 * sum(" " in target for target in targets) > len(targets) else ""
    return lambda texts: [space.join(best.get(word, word) for word in words(text)) for text in texts]


def nearest(sources: Sequence[str], targets: Sequence[str], longest: int) -> Translate:
    """The target of the most similar source of train: cosine of TF-IDF counts of its one to `longest` grams."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, longest), sublinear_tf=True, lowercase=False)
    train = grams.fit_transform(sources).T.tocsr()

    def translate(texts: Sequence[str]) -> list[str]:
        found, size = [], max(1, CELLS // len(sources))
        for start in range(0, len(texts), size):
            similarity = grams.transform(texts[start : start + size]) @ train
            found += [targets[row] for row in np.asarray(similarity.argmax(1)).ravel()]
        return found

    return translate


def translators(dataset: Dataset, measure: Callable[[list[str]], Measured]) -> dict[str, Any]:
    """Both, their size chosen by chrF on validation. `measure` takes the translations of the test split."""
    kinds: dict[str, tuple[Any, str, Sequence[int]]] = {
        "word by word": (dictionary, "rounds", ROUNDS),
        "nearest pair": (nearest, "longest", LONGEST),
    }
    return {row: functools.partial(_chosen, dataset, measure, *kind) for row, kind in kinds.items()}


def _chosen(
    dataset: Dataset,
    measure: Callable[[list[str]], Measured],
    fit: Callable[..., Translate],
    name: str,
    sizes: Sequence[int],
) -> Measured:
    train, validation, test = (split.arrays() for split in (dataset.train, dataset.validation, dataset.test))
    sources, targets = train["source_text"].tolist()[:LIMIT], train["target_text"].tolist()[:LIMIT]
    seen, wanted = validation["source_text"].tolist(), validation["target_text"].tolist()
    fitted = {size: fit(sources, targets, size) for size in sizes}
    best = max(fitted, key=lambda size: text_agreement(fitted[size](seen), wanted)["chrf"])
    measured = measure(fitted[best](test["source_text"].tolist()))
    return Measured({**measured.metrics, name: best}, measured.arrays)
