"""What is asked of a generator of pictures from texts, and how often it makes what was asked for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deeplearn.baselines.pca import fitted_pca
from deeplearn.data import Dataset
from deeplearn.data.subsets import evenly_spaced
from deeplearn.errors import UserError
from deeplearn.judge.combinations import combination_quality, has_parts
from deeplearn.judge.shapes import shapes_quality
from deeplearn.metrics.distances import frechet
from deeplearn.metrics.identity import identity
from deeplearn.metrics.sharpness import sharpness
from deeplearn.nn.functional import area_means, flat
from deeplearn.text_to_image.captions import texts_of

NEW, SEEN = 500, 200  # captions of test and of training that are asked for, at most
KNOWN = 10_000  # pictures among which the nearest is searched, where the set does not say which are the same
COMPONENTS = 64  # of pixels, in which sets of pictures are compared

Rows = Mapping[str, np.ndarray]


def asked_rows(dataset: Dataset) -> dict[str, np.ndarray]:
    """Columns of examples whose captions are asked for: those of test, then some of training, evenly spaced.

    `held_out` says of each how it is new, as `dataset.about["held out"]` names it; where the set does not say, it
    is 1 for test and 0 for training.
    """
    new, seen = evenly_spaced(dataset.test, NEW), evenly_spaced(dataset.train, SEEN)
    if "held_out" not in new:
        new, seen = (
            {**rows, "held_out": np.full(len(rows["length"]), number, np.int32)}
            for number, rows in ((1, new), (0, seen))
        )
    return {key: np.concatenate([new[key], seen[key]]) for key in new}


def picture_quality(images: np.ndarray, dataset: Dataset, asked: Rows) -> dict[str, float]:
    """Of pictures [N, side, side, C] in [0, 1], made from the captions of `asked_rows`, in their order.

    Returns:
        of openmoji the metrics of `combination_quality`; of shapes those of `shapes_quality`; of other pictures
        `identity`, the fraction whose nearest picture of the set has the caption that was asked for, with
        identity_seen of training's captions and identity_test of the others.
        mse: mean squared difference to the true pictures; means are good at it, and at identity.
        sharpness: mean squared difference of neighbouring pixels, over that of the true pictures.
        frechet_pixels: Fréchet distance to the true pictures in 64 principal components of the pixels of both,
            which tells the sets apart and not whether each picture is right.

    Raises UserError for pictures that are not finite.
    """
    if not np.isfinite(images).all():
        raise UserError("the pictures made hold values that are not finite: the generator diverged")
    side = images.shape[1]
    true = area_means(asked["image"], side)
    if has_parts(dataset):
        metrics = combination_quality(images, dataset, asked)
    elif "things" in asked:
        metrics = shapes_quality(images, dict(asked)) | _means(images, true)
    else:
        metrics = _by_caption(images, dataset, asked) | _means(images, true)
    return metrics | {"frechet_pixels": sets_apart(images, true)}


def sets_apart(images: np.ndarray, true: np.ndarray) -> float:
    """Fréchet distance of two sets [N, ...] and [M, ...] in 64 principal components of the true ones' pixels."""
    components = fitted_pca(flat(true), COMPONENTS)
    return frechet(components.transform(flat(true)), components.transform(flat(images)))


def _means(images: np.ndarray, true: np.ndarray) -> dict[str, float]:
    return {"mse": float(np.square(images - true).mean()), "sharpness": sharpness(images, true)}


def _by_caption(images: np.ndarray, dataset: Dataset, asked: Rows) -> dict[str, float]:
    known = [evenly_spaced(split, KNOWN) for split in (dataset.train, dataset.validation, dataset.test)]
    pictures = area_means(np.concatenate([rows["image"] for rows in known]), images.shape[1])
    captions = [text for rows in known for text in texts_of(rows, dataset)]
    numbers = {text: number for number, text in enumerate(dict.fromkeys([*captions, *texts_of(asked, dataset)]))}
    of_known, wanted = (
        np.array([numbers[text] for text in texts]) for texts in (captions, texts_of(asked, dataset))
    )
    right = identity(images, pictures, of_known, wanted, {})["identity"]
    metrics = {"identity": float(right.mean())}
    for name, number in (("seen", 0), ("test", 1)):
        metrics[f"identity_{name}"] = float(right[asked["held_out"] == number].mean())
    return metrics
