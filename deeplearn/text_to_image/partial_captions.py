"""Captions that leave something open: samples should agree with what was said and cover what was not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.classical import Thunks
from deeplearn.data import Dataset
from deeplearn.data.builders.emoji_names import PERSONS, SKINS
from deeplearn.data.subsets import joined, spaced
from deeplearn.judge.combinations import has_parts
from deeplearn.measured import Measured
from deeplearn.metrics.identity import nearest_pictures
from deeplearn.nn.functional import area_means, flat
from deeplearn.text_to_image.completion import whole

KINDS, EACH = 12, 16  # kinds that are asked for without a person or a tone, and samples of each caption
LEAST = 14  # pictures of a kind that training has, of all three persons
OPEN = " …"

Draw = Callable[[Sequence[str]], np.ndarray]


class Partial(NamedTuple):
    """A caption and the parts that it leaves open."""

    text: str
    open: tuple[str, ...]

    def agrees(self, names: Iterable[str]) -> np.ndarray:
        """Which names, bool [N], have all words that the caption says."""
        said = set(self.text.removesuffix(OPEN).split())
        return np.array([said <= set(name.split()) for name in names], bool)


def partial_captions(dataset: Dataset) -> list[Partial]:
    """Kinds alone ("firefighter …"), and persons in a tone without a kind ("woman dark_skin …").

    Of kinds that training shows as woman, man and person; none where pictures have no such parts.
    """
    if not has_parts(dataset):
        return []
    train = dataset.train.arrays()
    found = {}
    for kind, name in enumerate(dataset.about["kinds"]):
        own = train["kind"] == kind
        if name and own.sum() >= LEAST and len(set(train["person"][own].tolist())) == 3:
            words = str(train["text"][own][0]).split()
            text = " ".join(word for word in words if word not in (*PERSONS, *SKINS))
            found[text] = Partial(text + OPEN, ("person", "tone"))
    kinds = [list(found.values())[row] for row in spaced(len(found), KINDS)] if found else []
    asked = [
        Partial(f"{person} {tone}{OPEN}", ("kind",))
        for person in PERSONS[1:]
        for tone in (SKINS[0], SKINS[-1])
        if person in dataset.about["persons"] and tone in dataset.about["tones"]
    ]
    return [*kinds, *asked]


def partial_quality(draw: Draw, dataset: Dataset) -> dict[str, float]:
    """How samples for `partial_captions` agree with what was said, and cover what was not; {} where there are none.

    draw: texts [N] -> pictures [N, side, side, C] in [0, 1], each drawn on its own.

    Returns:
        partial_agreement: the fraction of samples whose nearest of all pictures has a name with all words said.
        partial_coverage: of captions of kinds, the mean entropy of the persons and tones of those of a caption's
            samples that agree, over that of as many pictures drawn from the data that have what was said.
        partial_kinds: the same of the kinds, of captions that say person and tone.
    """
    if not (captions := partial_captions(dataset)):
        return {}
    every = joined([split.arrays() for split in (dataset.train, dataset.validation, dataset.test)])
    names = every["text"].astype(str)
    made = draw([one.text for one in captions for _ in range(EACH)])
    nearest = nearest_pictures(made, area_means(every["image"], made.shape[1])).reshape(-1, EACH)
    agreement: list[float] = []
    coverage: list[float] = []
    kinds: list[float] = []
    rng = np.random.default_rng(0)
    for one, rows in zip(captions, nearest, strict=True):
        true = np.flatnonzero(one.agrees(names))
        agrees = np.isin(every["label"][rows], every["label"][true])  # some pictures have several names
        agreement.append(float(agrees.mean()))
        for part in one.open:
            # Samples of something else cover nothing: they are left out, not made up for.
            drawn = [entropy(every[part][rng.choice(true, EACH)]) for _ in range(100)]
            share = entropy(every[part][rows[agrees]]) / float(np.mean(drawn))
            (kinds if part == "kind" else coverage).append(share)
    found = {"partial_agreement": agreement, "partial_coverage": coverage, "partial_kinds": kinds}
    return {name: float(np.mean(values)) for name, values in found.items() if values}


def entropy(values: np.ndarray) -> float:
    """Of the distribution of integers [N], in nats."""
    share = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(share * np.log(share)).sum())


def partial_rows(trained: dl.Trained, dataset: Dataset, side: int) -> Thunks:
    """{row: thunk} of what is compared with samples of `side` pixels; {} where there are no `partial_captions`.

    Regression of what captions say, and of what the system completes them to.
    """
    if not partial_captions(dataset):
        return {}

    def completed(texts: Sequence[str]) -> list[str]:
        return whole(trained, dataset, texts)

    return {
        "regression of partial captions": partial(regressed, dataset, side),
        "regression of completed captions": partial(regressed, dataset, side, completed),
    }


def regressed(
    dataset: Dataset, side: int, read: Callable[[Sequence[str]], Sequence[str]] = lambda texts: texts
) -> Measured:
    """`partial_quality` of ridge regression from the words of captions, as they are `read`, to pixels."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import Ridge

    train = dataset.train.arrays()
    words = CountVectorizer(token_pattern=r"\S+", binary=True).fit(train["text"])
    image = area_means(train["image"], side)
    ridge = Ridge(0.1).fit(words.transform(train["text"]).toarray(), flat(image))

    def draw(texts: Sequence[str]) -> np.ndarray:
        pixels = ridge.predict(words.transform(read(texts)).toarray())
        return np.clip(pixels, 0, 1).reshape(len(texts), *image.shape[1:])

    return Measured(partial_quality(draw, dataset))
