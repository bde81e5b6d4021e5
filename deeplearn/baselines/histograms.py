"""A histogram of grey levels for each pixel: the least that a model of images has to beat."""

import numpy as np

PSEUDO_COUNTS = (0.03, 0.1, 0.3, 1.0)


def independent_levels_nll(train: np.ndarray, validation: np.ndarray, test: np.ndarray, levels: int) -> float:
    """Nats a test image when every pixel has a histogram of its own over the training images.

    What is added to all counts, so that a level that a pixel never had is not impossible, is chosen on validation.

    Args:
        train, validation, test: [N, ...] with values k / (levels - 1).
    """

    def indices(images: np.ndarray) -> np.ndarray:
        return np.rint(images.reshape(len(images), -1) * (levels - 1)).astype(int)

    counts = np.stack([np.bincount(pixel, minlength=levels) for pixel in indices(train).T])  # [pixels, levels]

    def nll(images: np.ndarray, pseudo_count: float) -> float:
        chance = (counts + pseudo_count) / (counts + pseudo_count).sum(1, keepdims=True)
        rows = indices(images)
        return -float(np.log(chance[np.arange(rows.shape[1]), rows]).sum(1).mean())

    return nll(test, min(PSEUDO_COUNTS, key=lambda count: nll(validation, count)))
