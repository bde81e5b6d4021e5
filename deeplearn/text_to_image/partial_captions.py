"""Captions that leave something open: samples should agree with what was said and cover what was not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from deeplearn.baselines.classical import Thunks
from deeplearn.data import Dataset
from deeplearn.data.builders.emoji_names import PERSONS, SKINS
from deeplearn.data.subsets import spaced
from deeplearn.judge.combinations import has_parts
from deeplearn.measured import Measured
from deeplearn.metrics.identity import nearest_pictures
from deeplearn.nn.functional import area_means, flat

KINDS, EACH = 12, 16  # kinds that are asked for without a person or a tone, and samples of each caption
LEAST = 14  # pictures of a kind that training has, of all three persons


class Partial(NamedTuple):
    """A caption, the parts that it says, {part: its number}, and the parts that it leaves open."""

    text: str
    said: dict[str, int]
    open: tuple[str, ...]


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
            text = " ".join([*(word for word in words if word not in (*PERSONS, *SKINS)), "…"])
            found[text] = Partial(text, {"kind": kind}, ("person", "tone"))
    kinds = [list(found.values())[row] for row in spaced(len(found), KINDS)] if found else []
    persons, tones = list(dataset.about["persons"]), list(dataset.about["tones"])
    asked = [
        Partial(f"{person} {tone} …", {"person": persons.index(person), "tone": tones.index(tone)}, ("kind",))
        for person in PERSONS[1:]
        for tone in (SKINS[0], SKINS[-1])
        if person in persons and tone in tones
    ]
    return [*kinds, *asked]


def partial_quality(draw: Callable[[Sequence[str]], np.ndarray], dataset: Dataset) -> dict[str, float]:
    """How samples for `partial_captions` agree with what was said, and cover what was not; {} where there are none.

    draw: texts [N] -> pictures [N, side, side, C] in [0, 1], each with its own noise.

    Returns:
        partial_agreement: the fraction of samples whose nearest picture has all parts that were said.
        partial_coverage: of captions of kinds, the mean entropy of the persons and tones of those of a caption's
            samples that agree, over that of as many pictures drawn from the data that have what was said.
        partial_kinds: the same of the kinds, of captions that say person and tone.
        bare_agreement, bare_coverage, bare_kinds: the same without "…", where a kind is a whole name, too: that of
            one picture, with a yellow face.
    """
    captions = partial_captions(dataset)
    if not captions:
        return {}
    bare = [one._replace(text=one.text.removesuffix(" …")) for one in captions]
    return {
        f"{name}_{what}": value
        for name, asked in (("partial", captions), ("bare", bare))
        for what, value in _quality(draw, dataset, asked).items()
    }


def _quality(
    draw: Callable[[Sequence[str]], np.ndarray], dataset: Dataset, captions: Sequence[Partial]
) -> dict[str, float]:
    """agreement, coverage, kinds of `partial_quality`."""
    made, train = draw([one.text for one in captions for _ in range(EACH)]), dataset.train.arrays()
    nearest = nearest_pictures(made, area_means(train["image"], made.shape[1])).reshape(-1, EACH)
    agreement, covered = [], {"coverage": [], "kinds": []}  # type: ignore[var-annotated]
    rng = np.random.default_rng(0)
    for one, rows in zip(captions, nearest, strict=True):
        agrees = np.all([train[part][rows] == value for part, value in one.said.items()], 0)
        agreement.append(agrees.mean())
        true = np.flatnonzero(np.all([train[part] == value for part, value in one.said.items()], 0))
        for part in one.open:
            # Samples of something else cover nothing: they are left out, not made up for.
            drawn = [entropy(train[part][rng.choice(true, EACH)]) for _ in range(100)]
            share = entropy(train[part][rows[agrees]]) / np.mean(drawn)
            covered["kinds" if part == "kind" else "coverage"].append(share)
    means = {name: float(np.mean(shares)) for name, shares in covered.items() if shares}
    return {"agreement": float(np.mean(agreement)), **means}


def entropy(values: np.ndarray) -> float:
    """Of the distribution of integers [N], in nats."""
    share = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(share * np.log(share)).sum())


def partial_rows(dataset: Dataset, side: int) -> Thunks:
    """{row: thunk} of what is compared with samples of `side` pixels; {} where there are no `partial_captions`."""
    return (
        {"regression of partial captions": partial(regressed, dataset, side)} if partial_captions(dataset) else {}
    )


def regressed(dataset: Dataset, side: int) -> Measured:
    """`partial_quality` of ridge regression from the words of a caption to pixels: one picture for each caption."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import Ridge

    train = dataset.train.arrays()
    words = CountVectorizer(token_pattern=r"\S+", binary=True).fit(train["text"])
    image = area_means(train["image"], side)
    ridge = Ridge(0.1).fit(words.transform(train["text"]).toarray(), flat(image))

    def draw(texts: Sequence[str]) -> np.ndarray:
        pixels = ridge.predict(words.transform(texts).toarray())
        return np.clip(pixels, 0, 1).reshape(len(texts), *image.shape[1:])

    return Measured(partial_quality(draw, dataset))
