"""How good the changes of pictures are, of the test split, and how they look."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.data.subsets import evenly_spaced, joined, spaced
from deeplearn.figures.captioned import captioned
from deeplearn.judge.combinations import PARTS, has_parts
from deeplearn.metrics.identity import nearest_pictures
from deeplearn.metrics.sharpness import sharpness
from deeplearn.nn.functional import area_means
from deeplearn.text_to_image.captions import texts_of
from deeplearn.text_to_image.dalle2_config import UnclipConfig
from deeplearn.text_to_image.dalle2_edits import completed, interpolated, turned, variations, wider_variations
from deeplearn.text_to_image.quality import picture_quality

EDITED = 100  # test pictures that are changed, at most
AGAIN = 4  # variations of each
# θ of text differences: the paper's .25 to .5, and one beyond; of validation's tones .55 and .6 turned .84, .5 .70:
# a picture's vector and the difference of two captions are 110° apart here, and half of the way is no whole turn.
TURNS = (0.25, 0.375, 0.5, 0.6)
SHOWN = 6  # pictures on a sheet

Rows = Mapping[str, np.ndarray]


def half_visible(side: int) -> np.ndarray:
    """The left half, bool [side, side, 1]."""
    return np.broadcast_to(np.arange(side)[:, None] < side // 2, (side, side, 1))


def other_tones(dataset: Dataset) -> tuple[Rows, Rows]:
    """Test pictures whose tone of skin is new with their kind and person, and as many of theirs in another tone.

    The other may be of any split: it is what the picture should become. Tones are dealt in turn.
    """
    splits = [split.arrays() for split in (dataset.train, dataset.validation, dataset.test)]
    every = joined(splits)
    new = dataset.about["held out"].index("tone")
    keys = list(zip(*(every[part].tolist() for part in PARTS), strict=True))
    place = {key: row for row, key in enumerate(keys)}
    first = len(keys) - len(splits[-1]["tone"])
    pairs: list[tuple[int, int]] = []
    for row in np.flatnonzero(splits[-1]["held_out"] == new) + first:
        kind, person, tone = keys[row]
        others = [place[key] for key in place if key[:2] == (kind, person) and key[2] not in (0, tone)]
        if others:
            pairs.append((int(row), others[len(pairs) % len(others)]))
    chosen = np.array([pairs[n] for n in spaced(len(pairs), EDITED)], int).reshape(-1, 2)
    return tuple({key: column[rows] for key, column in every.items()} for rows in chosen.T)  # type: ignore[return-value]


def uses(trained: dl.Trained, dataset: Dataset, config: UnclipConfig) -> dict[str, dl.Measured]:
    """Rows of what is done to test pictures, at the decoder's side.

    "variations": `kind` is how often the kind stays, `identity` how often all does; `varied`, the mean squared
        difference of two variations of a picture, over that of two pictures.
    "wider variations": the same of those whose vectors vary, too.
    "half hidden": the caption's picture, whose left half is given.
    "half way": between two pictures; `kind`, of pictures with parts, where the nearest is of either's kind.
    "half way in pixels": the mean of the two, for the sharpness.
    "tone turned by a text difference, θ": `tone` is how often it is the tone asked for, `identity` how often the
        picture is the one that has it. Only of pictures with tones of skin.
    """
    rows, side = evenly_spaced(dataset.test, EDITED), config.sides[0]
    quality = partial(picture_quality, dataset=dataset)
    small = area_means(rows["image"], side)

    found = {}
    unlike = np.square(small[1:] - small[:-1]).mean()
    for name, again in (
        ("variations", variations(trained, config, rows, AGAIN)),
        ("wider variations", wider_variations(trained, config, rows, AGAIN, dataset)),
    ):
        each = [quality(made, asked=rows) for made in again]
        metrics = {metric: float(np.mean([one[metric] for one in each])) for metric in each[0]}
        metrics["varied"] = float(np.square(again[1:] - again[:-1]).mean() / unlike)
        found[name] = dl.Measured(metrics, {"image": again})

    hidden = completed(trained, config, rows, half_visible(side))
    found["half hidden"] = dl.Measured(quality(hidden, asked=rows), {"image": hidden})

    others = {key: np.roll(column, 1, axis=0) for key, column in rows.items()}
    (middle,) = interpolated(trained, config, rows, others, np.array([0.5]))
    straight = (small + area_means(others["image"], side)) / 2
    for name, made in (("half way", middle), ("half way in pixels", straight)):
        found[name] = dl.Measured({"sharpness": sharpness(made, small), **_of_either(made, rows, others, dataset)})
    if has_parts(dataset):
        own, wanted = other_tones(dataset)
        for theta, made in zip(TURNS, turned(trained, config, own, wanted, np.array(TURNS)), strict=True):
            row = f"tone turned by a text difference, θ = {theta}"
            found[row] = dl.Measured(quality(made, asked=wanted), {"image": made})
    return found


def _of_either(made: np.ndarray, rows: Rows, others: Rows, dataset: Dataset) -> dict[str, float]:
    """How often the nearest picture is of the kind of one of both ends, where there are kinds."""
    if not has_parts(dataset):
        return {}
    splits = [split.arrays() for split in (dataset.train, dataset.validation, dataset.test)]
    image, kind = (np.concatenate([split[key] for split in splits]) for key in ("image", "kind"))
    found = kind[nearest_pictures(made, area_means(image, made.shape[1]))]
    return {"kind": float(((found == rows["kind"]) | (found == others["kind"])).mean())}


def uses_sheet(trained: dl.Trained, dataset: Dataset, config: UnclipConfig, which: str) -> Any:
    """Some test pictures, a row each, and what is made of them: "variations", "interpolation", "inpainting", or
    "text_differences"."""
    side, credit = config.sides[0], dataset.about.get("credit", "")
    rows = evenly_spaced(dataset.test, SHOWN)
    others = {key: np.roll(column, 1, axis=0) for key, column in rows.items()}
    wanted = others
    if which == "text_differences":
        pairs = other_tones(dataset)
        some = spaced(len(pairs[0]["tone"]), SHOWN)
        rows, wanted = ({key: column[some] for key, column in each.items()} for each in pairs)
    first = area_means(rows["image"], side)
    fractions = np.linspace(0, 1, 6)
    made: list[tuple[str, np.ndarray]]
    if which == "variations":
        made = [("again", each) for each in variations(trained, config, rows, 2)]
        made += [("wider", each) for each in wider_variations(trained, config, rows, 4, dataset)]
    elif which == "interpolation":
        each_step = interpolated(trained, config, rows, others, fractions)
        made = [(f"{part:.1f}", each) for part, each in zip(fractions, each_step, strict=True)]
        made.append(("the other", area_means(others["image"], side)))
    elif which == "inpainting":
        visible = half_visible(side)
        again = [completed(trained.folded(n), config, rows, visible) for n in range(4)]
        made = [("what is given", np.where(visible, first, 0.5)), *(("completed", each) for each in again)]
    else:
        turns = turned(trained, config, rows, wanted, np.array(TURNS))
        made = [(f"θ = {theta}", each) for theta, each in zip(TURNS, turns, strict=True)]
        made.append(("asked for", area_means(wanted["image"], side)))
    columns = [first, *(each for _, each in made)]
    names = texts_of(rows, dataset)
    texts = [text for row in range(len(first)) for text in (names[row], *(title for title, _ in made))]
    images = np.stack(columns, 1).reshape(-1, *first.shape[1:])
    return captioned(images, texts, len(columns), credit=credit, tile=96)
