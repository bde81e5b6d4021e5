"""How good samples are: one judge, equal numbers of generated and real images, the usual metrics.

The data set alone determines the training images to compare with, so numbers of all generators of a data set are
comparable. Images are compared in blocks: memory is a few times the images'.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deeplearn.baselines.gaussian import gaussian_draws
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.judge.judges import Source, array_source, block_rows, judge, need_classes
from deeplearn.measured import Measured
from deeplearn.metrics.distances import (
    class_score,
    density_coverage,
    frechet,
    kernel_distance,
    nearest_neighbours,
    precision_recall,
)

SAMPLES = 2000
MIN_SAMPLES = 3  # smallest number of samples and of real images for which the distances are defined
SEARCHED = 50_000  # largest number of training images among which the nearest is searched
KNOWN_QUERIES = 500  # training images whose own nearest neighbours are searched
CONFIDENT = 0.9
SHOWN = 100  # images of a row kept for figures
SEARCH_BYTES = 16 * 2**20  # of images, on each side, that are compared pixel by pixel at once


def training_halves(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Shuffled indices of two disjoint halves of the training split: the images to compare with, and the others."""
    order = np.random.default_rng(0).permutation(len(dataset.train))
    half = len(order) // 2
    return order[:half], order[half : 2 * half]


def sample_count(dataset: Dataset, limit: int = SAMPLES) -> int:
    """How many samples to judge, at most `limit`, so that every reference row can have as many."""
    return min(limit, len(dataset.train) // 2, len(dataset.test))


def need_judge(dataset: Dataset) -> None:
    """UserError where samples of this data set cannot be judged: generators call it before they train."""
    need_classes(dataset)
    if (count := sample_count(dataset)) < MIN_SAMPLES:
        raise UserError(
            f"--dataset={dataset.name} has too few images: samples are compared with half of the training split "
            f"and the test split, here {count} images, and there must be {MIN_SAMPLES}"
        )


def is_judged(dataset: Dataset) -> bool:
    """Whether the pictures have labels, of which a judge can learn. UserError where there are no pictures.

    UserError, too, where samples of labelled pictures cannot be judged (`need_judge`).
    """
    dataset.need_images("this experiment draws images")
    labelled = "label" in dataset.train.spec
    if labelled:
        need_judge(dataset)
    return labelled


def sample_quality(images: np.ndarray, dataset: Dataset, labels: np.ndarray | None = None) -> dict[str, float]:
    """How good samples are, by the data set's judge, compared with as many training images.

    They are compared with the first images of a fixed random half of the training split. If there are more samples
    than that half has, a random selection of as many is judged. `frechet_distance` and, less, precision, recall and
    coverage depend on the number: compare equal ones only (`sample_count`).

    Args:
        images: [N, H, W, C] in the shape of the data set's, floats in [0, 1] (clipped) or uint8 of 0 to 255; N ≥ 3.
        labels: [N] integers, the requested classes, where the generator is conditional.

    Returns:
        frechet_distance: between Gaussians fitted to the features (Heusel et al. 2017, equation 6).
        kernel_distance, kernel_distance_stderr: unbiased squared MMD of the features under the cubic kernel
            (Bińkowski et al. 2018, section 4), and its standard error.
        precision, recall: on the features (Kynkäänniemi et al. 2019, equations 1 and 2; k = 3).
        density, coverage: the same (Naeem et al. 2020, section 3.2; k = 5).
        class_score: of the judge's probabilities, at most the number of classes (the Inception score's formula:
            Salimans et al. 2016, section 4).
        confident: fraction of samples to whose class the judge gives a probability above 90 %; it is calibrated
            (Guo et al. 2017), so on real images it is then right nine times in ten.
        accuracy: fraction of samples that the judge assigns to the requested class; only with labels.
        nearest_distance: root mean square difference per pixel to the nearest of at most 50,000 training images,
            averaged over samples; near zero where training images were copied.
        nearest_distance_training: the same distance from training images to their nearest other training images.

    Raises UserError where the set has no labelled images or too few, and for samples that are too few, of another
    shape or not finite.
    """
    return _quality(images, dataset, labels, None)


def swept_quality(images: np.ndarray, dataset: Dataset) -> dict[str, float]:
    """`frechet_distance`, `precision` and `recall` of `sample_quality` alone: fast enough for a sweep of some ten.

    images: [N, H, W, C], at most half as many as the training split has.
    """
    found, (reference, _) = judge(dataset), training_halves(dataset)
    _, features = found(images)
    _, real = found(dataset.train.gather(reference[: len(images)])["image"])
    return {"frechet_distance": frechet(real, features), **precision_recall(real, features)}


def reference_rows(
    dataset: Dataset, count: int = SAMPLES, labels: bool = False, test: str = "test images"
) -> dict[str, Callable[[], Measured]]:
    """{row: thunk}: what every generator's samples are compared with, measured in the same way.

    "other training images": from the half that is not compared with: what a perfect generator would get.
    `test`, the row's name: images of the test split. Fewer than `count` if the split is smaller.
    "Gaussian on pixels": draws from a Gaussian fitted to training images, without classes.

    Args:
        count: of samples in each row; `sample_count(dataset)` is one that every row can have.
        labels: whether rows have the `accuracy` of a conditional generator.

    Each row's arrays hold "image", its first 100.
    """

    def row(images: np.ndarray, known: np.ndarray, own: np.ndarray | None = None) -> Measured:
        metrics = _quality(images, dataset, known if labels else None, own)
        return Measured(metrics, {"image": images[:SHOWN]})

    def others() -> Measured:
        own = training_halves(dataset)[1][:count]
        batch = dataset.train.gather(own)
        return row(batch["image"], batch["label"], own)

    def held_out() -> Measured:
        order = np.random.default_rng(0).permutation(len(dataset.test))[:count]
        batch = dataset.test.gather(order)
        return row(batch["image"], batch["label"])

    def gaussian() -> Measured:
        batch = dataset.train.gather(training_halves(dataset)[0][:count])
        draws = gaussian_draws(batch["image"], len(batch["image"]))
        return row(np.clip(draws, 0, 1, out=draws), batch["label"])

    return {"other training images": others, test: held_out, "Gaussian on pixels": gaussian}


def nearest_training(images: np.ndarray, dataset: Dataset) -> np.ndarray:
    """The training image [N, H, W, C] nearest to each image by mean squared difference: for sheets of both."""
    images = np.asarray(images)
    _, nearest = _nearest(array_source(images), np.arange(len(images)), dataset)
    return dataset.train.gather(nearest)["image"]


def _quality(
    images: np.ndarray, dataset: Dataset, labels: np.ndarray | None, own: np.ndarray | None
) -> dict[str, float]:
    """As `sample_quality`; own [N]: the indices of the images, where they are training images."""
    found = judge(dataset)
    images = np.asarray(images)
    found.need(images)
    if labels is not None and len(labels) != len(images):
        raise UserError(
            f"{len(images)} samples have {len(labels)} labels: give one class that was asked for to each"
        )
    reference, _ = training_halves(dataset)
    count = min(len(images), len(reference))
    if count < MIN_SAMPLES:
        raise UserError(
            f"{len(images)} samples and {len(reference)} training images (half of those of --dataset="
            f"{dataset.name}) are too few to judge: there must be {MIN_SAMPLES} of each"
        )
    if not (np.isfinite(images.min()) and np.isfinite(images.max())):
        raise UserError("samples hold values that are not finite, so they cannot be judged: the generator diverged")
    # In random order, because samples often come class by class and the kernel distance's error is over blocks.
    order, reference = np.random.default_rng(1).permutation(len(images))[:count], reference[:count]

    samples, known = array_source(images), reference[:KNOWN_QUERIES]

    def training(indices: np.ndarray) -> np.ndarray:
        return dataset.train.gather(indices)["image"]

    logits, features = found.logits_and_features(samples, order)
    _, real = found.logits_and_features(training, reference)
    distance, stderr = kernel_distance(real, features)
    probabilities = found.probabilities(logits)
    return {
        "frechet_distance": frechet(real, features),
        "kernel_distance": distance,
        "kernel_distance_stderr": stderr,
        **precision_recall(real, features),
        **density_coverage(real, features),
        "class_score": class_score(probabilities),
        "confident": float((probabilities.max(-1) > CONFIDENT).mean()),
        **({} if labels is None else {"accuracy": float((logits.argmax(-1) == np.asarray(labels)[order]).mean())}),
        "nearest_distance": float(_nearest(samples, order, dataset, None if own is None else own[order])[0].mean()),
        "nearest_distance_training": float(_nearest(training, known, dataset, known)[0].mean()),
    }


def _nearest(
    source: Source, indices: np.ndarray, dataset: Dataset, own: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square difference per pixel [n] to the nearest training image, and its index [n].

    For the images at `indices` [n] of a source. own [n]: their indices where they are training images, so that none
    is compared with itself.
    """
    shape = dataset.image_shape
    rows = block_rows(shape, SEARCH_BYTES, limit=len(dataset.train))
    searched = np.random.default_rng(0).permutation(len(dataset.train))[:SEARCHED]
    distances, nearest = np.full(len(indices), np.inf), np.full(len(indices), -1)
    for start in range(0, len(searched), rows):
        chosen = searched[start : start + rows]
        block = dataset.train.gather(chosen)["image"].reshape(len(chosen), -1)
        for at in (slice(first, first + rows) for first in range(0, len(indices), rows)):
            queries = source(indices[at])
            apart, which = nearest_neighbours(queries.reshape(len(queries), -1), block, k=min(2, len(chosen)))
            index = chosen[which]
            if own is not None:
                apart = np.where(index == own[at, None], np.inf, apart)
            best = np.arange(len(apart)), apart.argmin(axis=1)
            closer = apart[best] < distances[at]
            distances[at][closer], nearest[at][closer] = apart[best][closer], index[best][closer]
    return distances / np.sqrt(np.prod(shape)), nearest
