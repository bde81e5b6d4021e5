"""Captions without a network: the nearest training picture's, and words that are linear in pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from deeplearn.baselines.classical import LIMIT, Thunks
from deeplearn.baselines.pca import fitted_pca
from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.nn.functional import flat

COMPONENTS = (16, 64, 256)
PENALTIES = (1.0, 10.0, 100.0)
THRESHOLDS = (0.2, 0.3, 0.4, 0.5)

Captions = list[list[str]]
# (captions of a split's pictures, "validation" or "test") -> metrics
Measure = Callable[[Captions, str], Mapping[str, float]]


def captioners(dataset: Dataset, measure: Measure, choose: str, *, limit: int = LIMIT) -> Thunks:
    """{row: thunk} of methods fitted to the first `limit` training pictures and measured on test.

    "nearest picture": the caption of the training picture whose pixels are nearest. "nearest by PCA": the same in
    16, 64 or 256 principal components. "ridge to words": whether a word occurs is predicted by ridge regression
    from pixels; a caption is the words above a threshold, in the order that they mostly have. Components, penalty
    and threshold are those with the largest metric `choose` on validation.
    """
    words = [dataset.vocabulary.cut(text) for text in dataset.train.arrays(limit)["text"]]  # type: ignore[union-attr]

    def best(candidates: Sequence[tuple[dict[str, float], Callable[[str], Captions]]]) -> Measured:
        settings, caption = max(candidates, key=lambda one: measure(one[1]("validation"), "validation")[choose])
        return Measured({**measure(caption("test"), "test"), **settings}, {"captions": caption("test")})

    def nearest() -> Measured:
        return best([({}, _nearest(dataset, words, limit, lambda x: x))])

    def nearest_by_pca() -> Measured:
        train = _pixels(dataset, "train", limit)
        counts = sorted({min(count, *train.shape) for count in COMPONENTS})
        maps = {count: fitted_pca(train, count).transform for count in counts}
        return best([({"components": n}, _nearest(dataset, words, limit, map)) for n, map in maps.items()])

    def ridge() -> Measured:
        return best(
            [
                ({"penalty": penalty, "threshold": threshold}, _above(scores, known, threshold))
                for penalty, (scores, known) in _ridges(dataset, words, limit).items()
                for threshold in THRESHOLDS
            ]
        )

    return {"nearest picture": nearest, "nearest by PCA": nearest_by_pca, "ridge to words": ridge}


def _pixels(dataset: Dataset, split: str, limit: int | None = None) -> np.ndarray:
    return flat(getattr(dataset, split).arrays(limit)["image"])


def _nearest(dataset: Dataset, words: Captions, limit: int, map: Callable[..., Any]) -> Callable[[str], Captions]:
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=1).fit(map(_pixels(dataset, "train", limit)))

    def captions(split: str) -> Captions:
        (nearest,) = found.kneighbors(map(_pixels(dataset, split)), return_distance=False).T
        return [words[row] for row in nearest]

    return captions


Scores = dict[str, np.ndarray]  # {split: [N, words]}


def _ridges(dataset: Dataset, words: Captions, limit: int) -> dict[float, tuple[Scores, list[str]]]:
    """{penalty: (scores of each word, the words in the order of a caption)}."""
    from sklearn.linear_model import Ridge

    places: dict[str, list[float]] = defaultdict(list)
    for caption in words:
        for place, word in enumerate(caption):
            places[word].append(place / len(caption))
    known = sorted(places, key=lambda word: (np.mean(places[word]), word))
    number = {word: column for column, word in enumerate(known)}
    occurs = np.zeros((len(words), len(known)), np.float32)
    for row, caption in enumerate(words):
        occurs[row, [number[word] for word in caption]] = 1
    train = _pixels(dataset, "train", limit)
    found = {}
    for penalty in PENALTIES:
        model = Ridge(penalty).fit(train, occurs)
        scores = {
            split: model.predict(_pixels(dataset, split)).reshape(-1, len(known))
            for split in ("validation", "test")
        }
        found[penalty] = scores, known
    return found


def _above(scores: Scores, known: list[str], threshold: float) -> Callable[[str], Captions]:
    """Captions of the words whose score is above the threshold, or of the one with the largest."""

    def captions(split: str) -> Captions:
        rows = scores[split]
        return [[known[i] for i in np.flatnonzero(row >= min(threshold, row.max()))] for row in rows]

    return captions
