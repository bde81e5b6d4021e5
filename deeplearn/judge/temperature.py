"""Temperature scaling: a classifier's confidence set right on examples that it was not trained on."""

from __future__ import annotations

import chex
import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax


def fitted_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T for which softmax(logits / T) gives the labels the greatest likelihood (Guo et al. 2017, section 4.2).

    Below 1 where the classifier is less sure than it is right, as one trained with dropout for few steps is. As in
    Platt 1999, section 2.2, a label counts as right with probability (N + 1) / (N + 2) and what is left is spread
    over the other classes: without it T would be 0 wherever all N examples are classified correctly. The likelihood
    is concave in 1/T, so there is one maximum; T is sought between 1/20 and 20.

    Args:
        logits: [N, classes], of examples held out of training. labels: [N] integers.

    Returns:
        T, or 1 where there is but one class.
    """
    chex.assert_rank(logits, 2)
    chex.assert_shape(labels, logits.shape[:1])
    examples, classes = logits.shape
    if classes == 1:
        return 1.0
    target = np.full(logits.shape, 1 / (examples + 2) / (classes - 1))
    target[np.arange(examples), labels] = (examples + 1) / (examples + 2)

    def nll(log_t: float) -> float:
        log_probability = log_softmax(logits.astype(np.float64) / np.exp(log_t), axis=-1)
        return -float((target * log_probability).sum(-1).mean())

    bound = np.log(20)
    return float(np.exp(minimize_scalar(nll, bounds=(-bound, bound), method="bounded").x))
