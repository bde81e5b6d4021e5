"""What is asked of a generator of pictures from texts, and how often it makes what was asked for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deeplearn.baselines.pca import fitted_pca
from deeplearn.data import Dataset
from deeplearn.data.subsets import evenly_spaced, joined
from deeplearn.errors import UserError
from deeplearn.judge.combinations import combination_quality, has_parts, right_combinations
from deeplearn.judge.shapes import right_scenes, shapes_quality
from deeplearn.metrics.distances import frechet, kernel_distance
from deeplearn.metrics.identity import identity
from deeplearn.metrics.sharpness import sharpness
from deeplearn.nn.functional import area_means, flat
from deeplearn.text_to_image.captions import texts_of

NEW, SEEN = 500, 200  # captions of test and of training that are asked for, at most
KNOWN = 10_000  # pictures among which the nearest is searched, where the set does not say which are the same
COMPONENTS = 64  # of pixels, in which sets of pictures are compared
FEWEST = 3  # pictures of a set that a kernel distance needs

Rows = Mapping[str, np.ndarray]


def asked_rows(dataset: Dataset) -> dict[str, np.ndarray]:
    """Columns of examples whose captions are asked for: those of test, then some of training, evenly spaced.

    `seen`, int32, is 1 for those of training.
    """
    parts = evenly_spaced(dataset.test, NEW), evenly_spaced(dataset.train, SEEN)
    new, seen = ({**rows, "seen": np.full(len(rows["length"]), n, np.int32)} for n, rows in enumerate(parts))
    return joined([new, seen])


def picture_quality(images: np.ndarray, dataset: Dataset, asked: Rows) -> dict[str, float]:
    """Of pictures [N, side, side, C] in [0, 1], made from the captions of `asked_rows`, in their order.

    asked: those columns, or others of the data set; where it does not say what is `seen`, nothing is.

    Returns, of captions of test:
        of openmoji the metrics of `combination_quality`; of shapes those of `shapes_quality`; of other pictures
        `identity`, the fraction whose nearest picture of the set has the caption that was asked for.
        mse: mean squared difference to the true pictures; means are good at it, and at identity.
        sharpness: mean squared difference of neighbouring pixels, over that of the true pictures.
        frechet_pixels, kernel_pixels: distances of the set to that of the true pictures (`sets_apart`), which do
            not ask whether each picture is right.
    and, of captions of training, the first of these by the name of identity_seen, or right_seen of shapes.

    Raises UserError for pictures that are not finite.
    """
    if not np.isfinite(images).all():
        raise UserError("the pictures made hold values that are not finite: the generator diverged")
    seen = asked["seen"] == 1 if "seen" in asked else np.zeros(len(images), bool)
    test = ~seen
    rows = {key: column[test] for key, column in asked.items()}
    metrics = _right(images[test], dataset, rows)
    true = area_means(rows["image"], images.shape[1])
    metrics |= {"mse": float(np.square(images[test] - true).mean()), "sharpness": sharpness(images[test], true)}
    metrics |= sets_apart(images[test], true)
    if seen.any():
        known = _right(images[seen], dataset, {key: column[seen] for key, column in asked.items()})
        metrics |= {f"{name}_seen": known[name] for name in ("identity", "right") if name in known}
    return metrics


def rightness(dataset: Dataset) -> str:
    """The metric of `picture_quality` that says how often pictures are those that were asked for."""
    return "right" if "things" in dataset.train.spec else "identity"


def _right(images: np.ndarray, dataset: Dataset, asked: Rows) -> dict[str, float]:
    """How often pictures are those that were asked for, as the data set can tell."""
    if has_parts(dataset):
        return combination_quality(images, dataset, asked)
    if "things" in asked:
        return shapes_quality(images, asked)
    return {"identity": float(_right_captions(images, dataset, asked).mean())}


def which_are_right(images: np.ndarray, dataset: Dataset, asked: Rows) -> np.ndarray:
    """bool [N]: whether each picture is the one asked for. `picture_quality` has their mean."""
    if has_parts(dataset):
        return right_combinations(images, dataset, asked)["identity"]
    if "things" in asked:
        return np.logical_and(*right_scenes(images, asked))
    return _right_captions(images, dataset, asked)


def gain_of_choice(made: np.ndarray, chosen: np.ndarray, dataset: Dataset, asked: Rows) -> dict[str, float]:
    """How much oftener one picture of several is right than their mean, over captions of test.

    made: [N, candidates, side, side, C] for the captions of `asked_rows`; chosen: int [N], one of each.

    Returns gain, the mean over captions of the difference, and gain_stderr, its standard error, which one caption
    does not have. How difficult a caption is cancels; captions of one kind are counted as independent.
    """
    test, candidates = asked["seen"] == 0, made.shape[1]
    rows = {key: column[test].repeat(candidates, axis=0) for key, column in asked.items()}
    images = made[test].reshape(-1, *made.shape[2:])
    right = which_are_right(images, dataset, rows).reshape(-1, candidates)
    gain = right[np.arange(len(right)), chosen[test]] - right.mean(1)
    error = {"gain_stderr": float(gain.std(ddof=1) / np.sqrt(len(gain)))} if len(gain) > 1 else {}
    return {"gain": float(gain.mean()), **error}


def _right_captions(images: np.ndarray, dataset: Dataset, asked: Rows) -> np.ndarray:
    """bool [N]: whether the nearest picture of the set has the caption that was asked for."""
    known = [evenly_spaced(split, KNOWN) for split in (dataset.train, dataset.validation, dataset.test)]
    pictures = area_means(np.concatenate([rows["image"] for rows in known]), images.shape[1])
    captions = [text for rows in known for text in texts_of(rows, dataset)]
    wanted = texts_of(asked, dataset)
    numbers = {text: number for number, text in enumerate(dict.fromkeys([*captions, *wanted]))}
    of_known, of_wanted = (np.array([numbers[text] for text in texts]) for texts in (captions, wanted))
    return identity(images, pictures, of_known, of_wanted, {})["identity"]


def sets_apart(images: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Fréchet and kernel distance of two sets [N, ...] and [M, ...] in 64 principal components of true pixels.

    Of fewer than three pictures there are none.
    """
    if min(len(images), len(true)) < FEWEST:
        return {}
    components = fitted_pca(flat(true), COMPONENTS)
    both = components.transform(flat(true)), components.transform(flat(images))
    return {"frechet_pixels": frechet(*both), "kernel_pixels": kernel_distance(*both)[0]}
