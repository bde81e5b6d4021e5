"""Whether a classifier is right as often as its confidence says."""

from __future__ import annotations

import chex
import numpy as np


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Mean distance between confidence and accuracy, 0 to 1 (Guo et al. 2017, equation 3).

    The confidence of a prediction is its largest probability. Predictions are put into `bins` intervals ((m − 1)/M,
    m/M] of confidence; |mean confidence − accuracy| of each is weighted by its fraction of the predictions.

    Args:
        probabilities: [N, classes], rows that sum to 1. labels: [N] integers.
    """
    chex.assert_rank(probabilities, 2)
    chex.assert_shape(labels, probabilities.shape[:1])
    confidence = probabilities.max(-1).astype(np.float64)
    correct = probabilities.argmax(-1) == labels
    member = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    # Σ over bins of |Σ over members (confidence − correct)| / N: the bins' sizes cancel.
    gaps = np.bincount(member, confidence - correct, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))
