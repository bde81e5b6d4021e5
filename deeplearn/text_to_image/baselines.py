"""Pictures from captions without a network: a training picture, a recoloured one, and regression to pixels."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from deeplearn.baselines.classical import Thunks
from deeplearn.data import Dataset
from deeplearn.data.subsets import evenly_spaced
from deeplearn.judge.combinations import PARTS, has_parts
from deeplearn.measured import Measured
from deeplearn.metrics.closeness import unit
from deeplearn.metrics.identity import nearest_pictures
from deeplearn.nn.functional import area_means, flat
from deeplearn.text_to_image.captions import texts_of
from deeplearn.text_to_image.quality import asked_rows, picture_quality, rightness

LIMIT = 4000  # training examples: a kernel's cost grows with their square
PENALTIES = (1e-3, 1e-2, 0.1, 1.0, 10.0)
LEVELS = 32  # of each colour, in a map of colours

Rows = Mapping[str, np.ndarray]
Texts = Sequence[str]


def picture_baselines(
    dataset: Dataset, vectors: Callable[[Texts], np.ndarray] | None = None, side: int = 0
) -> Thunks:
    """{row: thunk}, each the `picture_quality` of its pictures for the captions of `asked_rows`.

    "retrieval": the training picture whose caption is nearest, by cosine of TF-IDF.
    "ridge on words and pairs": a linear map to pixels from the words that a caption has, and its pairs of words.
    "kernel ridge": the cubic kernel on the cosine of captions' words; of `vectors(texts) -> [N, D]`, if there are
        any, such as a pretrained encoder's. The penalty of each is that with which most validation pictures are
        the nearest to what is made for them.
    "sibling recoloured": of pictures with parts, a training picture of the same kind and person in another tone,
        its colours changed as they change between other pictures of the two tones; where training has none, its
        picture that shares the most.
    "pictures of other captions": of shapes, the true ones dealt anew within each category: what is right by chance.

    side: of smaller pictures that are made, compared as means of areas; 0: the data set's.
    """

    def measured(images: np.ndarray, asked: Rows, **facts: float) -> Measured:
        images = np.clip(images, 0, 1)
        made = images if not side else area_means(images, side)
        return Measured({**picture_quality(made, dataset, asked), **facts}, {"image": made})

    def retrieval() -> Measured:
        from sklearn.feature_extraction.text import TfidfVectorizer

        train, asked = evenly_spaced(dataset.train, LIMIT), asked_rows(dataset)
        # Words are cut at spaces: the signs and single letters of a caption count, too.
        tfidf = TfidfVectorizer(token_pattern=r"\S+").fit(texts_of(train, dataset))
        known, wanted = (tfidf.transform(texts_of(rows, dataset)) for rows in (train, asked))
        nearest = np.asarray((wanted @ known.T).todense()).argmax(1)
        return measured(train["image"][nearest], asked)

    def ridge() -> Measured:
        return regression(_words_and_pairs, power=1)

    def kernel_ridge() -> Measured:
        def given(fit: Texts, texts: Texts) -> np.ndarray:
            assert vectors is not None
            return unit(vectors(texts))

        def words(fit: Texts, texts: Texts) -> np.ndarray:
            return unit(_counted(fit, texts, pairs=False))

        return regression(words if vectors is None else given, power=3)

    def regression(features: Callable[[Texts, Texts], np.ndarray], power: int) -> Measured:
        train, validation = evenly_spaced(dataset.train, LIMIT), evenly_spaced(dataset.validation, LIMIT)
        asked = asked_rows(dataset)
        fit = texts_of(train, dataset)
        known, *others = (features(fit, texts_of(rows, dataset)) for rows in (train, validation, asked))
        similar = [(one @ known.T) ** power for one in (known, *others)]
        mean, target = train["image"].mean(0), flat(train["image"] - train["image"].mean(0))

        def pictures(penalty: float, rows: np.ndarray) -> np.ndarray:
            weights = np.linalg.solve(similar[0] + penalty * np.eye(len(target)), target)
            return mean + (rows @ weights).reshape(-1, *mean.shape)

        def found(penalty: float) -> float:
            """How many validation pictures are, of them all, the nearest to what is made from their captions."""
            nearest = nearest_pictures(pictures(penalty, similar[1]), validation["image"])
            return float((nearest == np.arange(len(nearest))).mean())

        best = max(PENALTIES, key=found)
        return measured(pictures(best, similar[2]), asked, penalty=best)

    def sibling() -> Measured:
        train, asked = dataset.train.arrays(), asked_rows(dataset)
        return measured(recoloured(train, asked, len(dataset.about[PARTS["tone"]])), asked)

    def others() -> Measured:
        asked = asked_rows(dataset)
        images = asked["image"].copy()
        for kind in np.unique(asked["kind"]):
            own = np.flatnonzero(asked["kind"] == kind)
            images[own] = images[np.roll(own, 1)]
        return measured(images, asked)

    rows = {"retrieval": retrieval, "ridge on words and pairs": ridge, "kernel ridge": kernel_ridge}
    if has_parts(dataset):
        rows["sibling recoloured"] = sibling
    if rightness(dataset) == "right":
        rows["pictures of other captions"] = others
    return rows


def recoloured(train: Rows, asked: Rows, tones: int) -> np.ndarray:
    """For each row asked for, a training picture of its kind and person with the colours of its tone: [N, ...].

    Between two tones each colour becomes the mean of what it becomes between other pictures that training has in
    both; a colour that is nowhere there stays as it is. train, asked: columns image, kind, person and tone.
    """
    place: dict[tuple[int, int, int], int] = {
        key: row for row, key in enumerate(zip(*(train[part].tolist() for part in PARTS), strict=True))
    }
    maps: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
    made = []
    for kind, person, tone in zip(*(asked[part].tolist() for part in PARTS), strict=True):
        # The tone asked for itself is no sibling: it is the answer.
        siblings = [other for other in range(1, tones) if other != tone and (kind, person, other) in place]
        if not tone or not siblings:
            wanted = zip(PARTS, (kind, person, tone), (4, 2, 1), strict=True)
            shared = np.asarray(sum(weight * (train[part] == value) for part, value, weight in wanted))
            made.append(train["image"][np.where(shared == 7, -1, shared).argmax()])
            continue
        nearest = min(siblings, key=lambda other: abs(other - tone))
        if (nearest, tone) not in maps:
            maps[nearest, tone] = _colour_map(train, place, nearest, tone)
        means, known = maps[nearest, tone]
        picture = train["image"][place[kind, person, nearest]]
        colour = _colour(picture)
        made.append(np.where(known[colour][..., None], means[colour], picture))
    return np.stack(made)


def _colour_map(
    train: Rows, place: Mapping[tuple[int, int, int], int], one: int, other: int
) -> tuple[np.ndarray, np.ndarray]:
    """The mean colour that each of LEVELS³ colours becomes from a tone to another, and which occur at all."""
    pairs = [
        (row, place[kind, person, other])
        for (kind, person, tone), row in place.items()
        if tone == one and (kind, person, other) in place
    ]
    if not pairs:
        return np.zeros((LEVELS**3, 3), np.float32), np.zeros(LEVELS**3, bool)
    sources, targets = (train["image"][list(rows)] for rows in zip(*pairs, strict=True))
    colour, becomes = _colour(sources).ravel(), targets.reshape(-1, 3)
    count = np.bincount(colour, minlength=LEVELS**3)
    sums = np.stack([np.bincount(colour, becomes[:, channel], LEVELS**3) for channel in range(3)], 1)
    return (sums / np.maximum(count, 1)[:, None]).astype(np.float32), count > 0


def _colour(image: np.ndarray) -> np.ndarray:
    """The number of each pixel's colour, int [..., side, side]."""
    level = np.minimum((image * LEVELS).astype(int), LEVELS - 1)
    return (level[..., 0] * LEVELS + level[..., 1]) * LEVELS + level[..., 2]


def _words_and_pairs(fit: Texts, texts: Texts) -> np.ndarray:
    return _counted(fit, texts, pairs=True)


def _counted(fit: Texts, texts: Texts, pairs: bool) -> np.ndarray:
    """Whether each text [N] has each word of the texts `fit`, and each pair of their words: [N, words]."""
    from sklearn.feature_extraction.text import CountVectorizer

    def parts(text: str) -> list[str]:
        words = sorted(set(text.split()))
        return [*words, *map(" ".join, itertools.combinations(words, 2))] if pairs else words

    counter = CountVectorizer(analyzer=parts, binary=True, dtype=np.float32)
    found: np.ndarray = counter.fit(fit).transform(texts).toarray()
    return found
