"""Pictures that are combinations of known parts, of which test has new ones: the true picture is known.

The measure is exact: a picture is right where, of all pictures of the set, the nearest is the one asked for.
"""

from __future__ import annotations

import numpy as np

from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.metrics.identity import identity
from deeplearn.metrics.sharpness import sharpness

PARTS = {"kind": "kinds", "person": "persons", "tone": "tones"}  # columns, and where their names are


def has_parts(dataset: Dataset) -> bool:
    """Whether every picture has a kind, a person and a tone, as those of `openmoji`."""
    return {"image", "label", *PARTS} <= set(dataset.train.spec)


def part_sizes(dataset: Dataset) -> tuple[int, ...]:
    """How many kinds, persons and tones there are."""
    return tuple(len(dataset.about[names]) for names in PARTS.values())


def combination_quality(images: np.ndarray, dataset: Dataset) -> dict[str, float]:
    """Of images [N, H, W, C] in [0, 1], one for each test picture's combination, in the order of the split.

    Returns:
        identity: the fraction that are right; kind, person, tone: the fraction whose nearest picture has the part
            that was asked for; the same of each way in which combinations are new, as in identity_tone.
        mse: mean squared difference to the true picture. Blurred means are good at it and at identity.
        sharpness: mean squared difference of neighbouring pixels, over that of the true pictures.
    """
    splits = [getattr(dataset, name).arrays() for name in ("train", "validation", "test")]
    test, every = splits[-1], {key: np.concatenate([s[key] for s in splits]) for key in ("image", "label", *PARTS)}
    parts = {part: (every[part], test[part]) for part in PARTS}
    right = identity(images, every["image"], every["label"], test["label"], parts)
    metrics = {name: float(each.mean()) for name, each in right.items()}
    for number, what in enumerate(dataset.about["held out"]):
        if what and (of := test["held_out"] == number).any():
            metrics |= {f"{name}_{what}": float(each[of].mean()) for name, each in right.items()}
    metrics["mse"] = float(np.square(images - test["image"]).mean())
    metrics["sharpness"] = sharpness(images, test["image"])
    return metrics


def nearest_combination(dataset: Dataset) -> Measured:
    """For each test picture the training picture that shares the most parts, kind before person before tone."""
    train, test = dataset.train.arrays(), dataset.test.arrays()
    shared = sum(
        weight * (test[part][:, None] == train[part][None]) for part, weight in zip(PARTS, (4, 2, 1), strict=True)
    )
    images = train["image"][np.asarray(shared).argmax(1)]
    return Measured(combination_quality(images, dataset), {"image": images})
