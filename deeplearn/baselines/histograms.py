"""A histogram of grey levels for each pixel: the simplest model of images."""

from __future__ import annotations

import chex
import numpy as np

from deeplearn.baselines.classical import LIMIT, Thunks
from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.metrics.bounds import bits_per_dim

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
