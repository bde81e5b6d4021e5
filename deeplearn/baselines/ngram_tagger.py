"""A tagger that counts: the tag that a token had most often in training, among the same neighbours."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import chex
import numpy as np

from deeplearn.baselines.classical import Thunks
from deeplearn.data import Dataset

WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16)  # tokens of a context, the tagged one among them
EDGE = -1  # stands beyond both ends of a sequence
Columns = dict[str, np.ndarray]  # tokens and tags int32 [rows, time], length int32 [rows]
Level = tuple[np.ndarray, np.ndarray]  # contexts, sorted, and the most frequent tag of each


@dataclasses.dataclass(frozen=True)
class NgramTagger:
    """The most frequent tag of the widest context that training has: it backs off from the last of `widths`.

    widths: tokens of each context, the tagged one among them, ascending. Contexts are of the tokens to the left, or
    with `both` of as many on either side, the odd one to the left. With `history` the tag before is part of each
    context: in training the true one, later the one that was given, from left to right (so NLTK).
    """

    widths: tuple[int, ...]
    both: bool = False
    history: bool = False
    levels: tuple[Level, ...] = ()
    common: int = 0

    def fit(self, columns: Columns) -> NgramTagger:
        """The tagger with the counts of these sequences; at least one token."""
        tags, inside = columns["tags"], within(columns)
        before = np.pad(tags, ((0, 0), (1, 0)), constant_values=EDGE)[:, :-1]
        levels = []
        tag = tags[inside]
        for width in self.widths:
            context = self._contexts(columns, width, before)[inside]
            order = np.lexsort((tag, context))
            new = np.diff(context[order], prepend=~context[order[:1]]) != 0
            first = np.flatnonzero(new | (np.diff(tag[order], prepend=EDGE) != 0))  # of each context and tag
            count = np.diff(first, append=len(order))
            # Within a context the most frequent tag comes first, of equals the lowest.
            pair = order[first]
            ranked = pair[np.lexsort((tag[pair], -count, context[pair]))]
            found, place = np.unique(context[ranked], return_index=True)
            levels.append((found, tag[ranked[place]]))
        common = int(np.bincount(tags[inside]).argmax())
        return dataclasses.replace(self, levels=tuple(levels), common=common)

    def predict(self, columns: Columns) -> np.ndarray:
        """Tags int32 [rows, time] of `tokens`; what stands at padding means nothing."""
        tokens = columns["tokens"]
        before = np.full(tokens.shape, EDGE)
        if not self.history:
            return self._look_up([self._contexts(columns, width, before) for width in self.widths])
        plain = [self._contexts(columns, width, None) for width in self.widths]
        given = np.full((len(tokens), tokens.shape[1] + 1), EDGE)
        for place in range(tokens.shape[1]):
            contexts = [mixed(context[:, place], given[:, place]) for context in plain]
            given[:, place + 1] = self._look_up(contexts)
        return given[:, 1:].astype(np.int32)

    def _look_up(self, contexts: list[np.ndarray]) -> np.ndarray:
        """The tags of contexts, one array of any shape for each width, ascending."""
        tags = np.full(contexts[0].shape, self.common, np.int32)
        for context, (known, tag) in zip(contexts, self.levels, strict=True):
            place = np.searchsorted(known, context).clip(max=len(known) - 1)
            tags = np.where(known[place] == context, tag[place], tags)
        return tags

    def _contexts(self, columns: Columns, width: int, before: np.ndarray | None) -> np.ndarray:
        """A number [rows, time] for each context of that width, with the tag `before` if that is wanted.

        Two contexts have the same number with probability 2^−64: it is a hash.
        """
        tokens = np.where(within(columns), columns["tokens"], EDGE)
        left = width // 2 if self.both else width - 1
        right = width - 1 - left
        padded = np.pad(tokens, ((0, 0), (left, right)), constant_values=EDGE)
        number = np.full(tokens.shape, width, np.uint64)
        for place in range(width):
            number = mixed(number, padded[:, place : place + tokens.shape[1]])
        return mixed(number, before) if self.history and before is not None else number


def mixed(number: np.ndarray, value: np.ndarray) -> np.ndarray:
    """A hash of both, uint64, as SplitMix64 mixes its state (Steele, Lea & Flood 2014, figure 16)."""
    z = number + value.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def within(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Where there is a token and no padding, bool [rows, time]."""
    return np.arange(columns["tokens"].shape[1]) < columns["length"][:, None]


def accuracy(tagger: NgramTagger, columns: Columns) -> float:
    chex.assert_equal_shape([columns["tokens"], columns["tags"]])
    return float((tagger.predict(columns) == columns["tags"])[within(columns)].mean())


def ngram_taggers(dataset: Dataset, measure: Callable[[np.ndarray], Any]) -> Thunks:
    """Three rows: `NgramTagger` of tokens to the left, on both sides, and these with the tag before.

    The widest context of each is chosen on validation by the accuracy of tokens. measure(predicted tags [rows,
    time] of test) gives the row; its metrics get `n`, the tokens of that context.
    """
    kinds = {
        "n-grams to the left": NgramTagger(WIDTHS),
        "n-grams on both sides": NgramTagger(WIDTHS, both=True),
        "n-grams on both sides and the tag before": NgramTagger(WIDTHS, both=True, history=True),
    }
    return {name: functools.partial(_row, dataset, tagger, measure) for name, tagger in kinds.items()}


def _row(dataset: Dataset, tagger: NgramTagger, measure: Callable[[np.ndarray], Any]) -> Any:
    whole = tagger.fit(dataset.train.arrays())
    narrowed = [
        dataclasses.replace(whole, widths=whole.widths[:n], levels=whole.levels[:n])
        for n in range(1, len(whole.widths) + 1)
    ]
    validation = dataset.validation.arrays()
    best = max(narrowed, key=lambda one: accuracy(one, validation))
    measured = measure(best.predict(dataset.test.arrays()))
    return dataclasses.replace(measured, metrics={**measured.metrics, "n": best.widths[-1]})
