"""Histograms: of a pixel's grey levels, the simplest model of images; of an image's colours, its oldest vector."""

from __future__ import annotations

import chex
import numpy as np

from deeplearn.baselines.classical import LIMIT, Thunks
from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.metrics.bounds import bits_per_dim

BINS = {1: 32, 3: 6}  # of each channel, by their number: 32 greys, or 216 colours
PSEUDO_COUNTS = (0.03, 0.1, 0.3, 1.0)


def independent_levels(
    train: np.ndarray, validation: np.ndarray, test: np.ndarray, levels: int
) -> tuple[float, float]:
    """(nats per test image, pseudo-count) when every pixel has its own histogram over the training images.

    The pseudo-count is added to all counts, so that levels that a pixel never had are possible; validation chooses
    it.

    Args:
        train, validation, test: [N, ...] with values k / (levels - 1).
    """
    chex.assert_equal_shape_suffix([train, validation, test], train.ndim - 1)

    def indices(images: np.ndarray) -> np.ndarray:
        return np.rint(images.reshape(len(images), -1) * (levels - 1)).astype(int)

    counts = np.stack([np.bincount(pixel, minlength=levels) for pixel in indices(train).T])  # [pixels, levels]

    def nll(images: np.ndarray, pseudo_count: float) -> float:
        probability = (counts + pseudo_count) / (counts + pseudo_count).sum(1, keepdims=True)
        rows = indices(images)
        return -float(np.log(probability[np.arange(rows.shape[1]), rows]).sum(1).mean())

    best = min(PSEUDO_COUNTS, key=lambda count: nll(validation, count))
    return nll(test, best), best


def level_histograms(
    dataset: Dataset, levels: int, *, limit: int = LIMIT, test_limit: int | None = LIMIT
) -> Thunks:
    """{"histogram of levels": thunk}: `nll`, nats per test image, and `bits_per_dim` of histograms, one per pixel.

    levels: grey levels of the images, k / (levels - 1), `dataset.levels` where they are quantised.
    limit: number of training images. test_limit: number of images of the validation and of the test split. Metrics:
    also `pseudo_count`, chosen on validation.
    """

    def row() -> Measured:
        train = dataset.train.arrays(limit)["image"]
        validation, test = (split.arrays(test_limit)["image"] for split in (dataset.validation, dataset.test))
        nll, pseudo_count = independent_levels(train, validation, test, levels)
        bits = bits_per_dim(nll, test[0].size)
        return Measured({"nll": nll, "bits_per_dim": bits, "pseudo_count": pseudo_count})

    return {"histogram of levels": row}


def colour_histograms(image: np.ndarray) -> np.ndarray:
    """Square roots of the fractions of an image's pixels that have each colour: [N, H, W, C] in [0, 1] -> [N, D].

    Joint histograms (Swain & Ballard 1991): D is 32 greys, or 6³ colours; of other than one or three channels each
    has a histogram of 32 of its own. Of square roots, the cosine is the Bhattacharyya coefficient of the two
    distributions.
    """
    chex.assert_rank(image, 4)
    channels = image.shape[-1]
    bins = BINS.get(channels, BINS[1])
    levels = np.clip((image * bins).astype(int), 0, bins - 1).reshape(len(image), -1, channels)
    joint = channels in BINS
    numbers = levels @ bins ** np.arange(channels) if joint else levels + bins * np.arange(channels)
    size = bins**channels if joint else bins * channels
    counts = np.stack([np.bincount(row.ravel(), minlength=size) for row in numbers])
    return np.sqrt(counts / counts.sum(1, keepdims=True)).astype(np.float32)
