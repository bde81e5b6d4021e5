"""What a classifier says of generated images, beside real ones.

The features are those of a classifier trained in the same program, on the same data. Fréchet and kernel distances
on them order models within one experiment; they are not comparable with distances on the Inception network's
features, and are never called FID or KID.
"""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from deeplearn.metrics.distances import frechet, kernel_distance, nearest_neighbours, precision_recall

SURE = 0.9


def sure(logits: np.ndarray) -> float:
    """The share of rows [N, K] whose likeliest class has a probability of more than 90 %."""
    return float((softmax(logits.astype(np.float64), axis=-1).max(-1) > SURE).mean())


def compare(
    images: np.ndarray,
    real_images: np.ndarray,
    logits: np.ndarray,
    temperature: float,
    features: np.ndarray,
    real_features: np.ndarray,
) -> dict[str, float]:
    """Images [N, H, W, C] with the judge's logits [N, K] and features [N, D], beside real ones.

    temperature: of the judge, fitted on the validation split (`metrics.temperature`), so that 90 % means 90 %.
    confident: share of images of whose class the judge is more than 90 % sure; confident_raw: without it.
    frechet, kernel_distance, precision, recall: on features.
    nearest: root mean square difference per pixel to the nearest real image; near zero means that it was copied.
    """
    flat, real_flat = images.reshape(len(images), -1), real_images.reshape(len(real_images), -1)
    return {
        "confident": sure(logits / temperature),
        "confident_raw": sure(logits),
        "frechet": frechet(real_features, features),
        "kernel_distance": kernel_distance(real_features, features)[0],
        **precision_recall(real_features, features),
        "nearest": float(nearest_neighbours(flat, real_flat)[0].mean() / np.sqrt(flat.shape[1])),
    }
