"""Pictures that are combinations of known parts, of which test has new ones: the true picture is known.

The measure is exact: a picture is right where, of all pictures of the set, the nearest is the one asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.metrics.identity import identity
from deeplearn.metrics.sharpness import sharpness
from deeplearn.nn.functional import area_means

PARTS = {"kind": "kinds", "person": "persons", "tone": "tones"}  # columns, and where their names are


def has_parts(dataset: Dataset) -> bool:
    """Whether every picture has a kind, a person and a tone, as those of `openmoji`."""
    return {"image", "label", *PARTS} <= set(dataset.train.spec)


def part_sizes(dataset: Dataset) -> tuple[int, ...]:
    """How many kinds, persons and tones there are."""
    return tuple(len(dataset.about[names]) for names in PARTS.values())


def combination_quality(
    images: np.ndarray, dataset: Dataset, asked: Mapping[str, np.ndarray] | None = None
) -> dict[str, float]:
    """Of images [N, side, side, C] in [0, 1], one for each combination asked for, in their order.

    asked: columns of `dataset`, those of the test split if there are none; images may be smaller than theirs, which
    are then compared as means of areas.

    Returns:
        identity: the fraction that are right; kind, person, tone: the fraction whose nearest picture has the part
            that was asked for; the same of each way in which combinations are new, as in identity_tone.
        mse: mean squared difference to the true picture. Blurred means are good at it and at identity.
        sharpness: mean squared difference of neighbouring pixels, over that of the true pictures.
    """
    asked = dataset.test.arrays() if asked is None else asked
    right = right_combinations(images, dataset, asked)
    metrics = {name: float(each.mean()) for name, each in right.items()}
    for number, what in enumerate(dataset.about["held out"]):
        if what and (of := asked["held_out"] == number).any():
            metrics |= {f"{name}_{what}": float(each[of].mean()) for name, each in right.items()}
    true = area_means(asked["image"], images.shape[1])
    metrics["mse"] = float(np.square(images - true).mean())
    metrics["sharpness"] = sharpness(images, true)
    return metrics


def right_combinations(
    images: np.ndarray, dataset: Dataset, asked: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """{"identity", "kind", "person", "tone": bool [N]} of each image, as `combination_quality` counts them."""
    splits = [getattr(dataset, name).arrays() for name in ("train", "validation", "test")]
    every = {key: np.concatenate([s[key] for s in splits]) for key in ("image", "label", *PARTS)}
    parts = {part: (every[part], asked[part]) for part in PARTS}
    pictures = area_means(every["image"], images.shape[1])
    return identity(images, pictures, every["label"], asked["label"], parts)


def nearest_combination(dataset: Dataset) -> Measured:
    """For each test picture the training picture that shares the most parts, kind before person before tone."""
    train, test = dataset.train.arrays(), dataset.test.arrays()
    shared = sum(
        weight * (test[part][:, None] == train[part][None]) for part, weight in zip(PARTS, (4, 2, 1), strict=True)
    )
    images = train["image"][np.asarray(shared).argmax(1)]
    return Measured(combination_quality(images, dataset), {"image": images})
