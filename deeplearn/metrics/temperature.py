"""Temperature scaling: a classifier's confidence set right on examples that it was not trained on."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax


def fitted_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T for which softmax(logits / T) gives the labels the greatest likelihood (Guo et al. 2017, section 4.2).

    Below 1 where the classifier is less sure than it is right, as one trained with dropout for few steps is. The
    likelihood is concave in 1/T, so there is one maximum; T is sought between 1/20 and 20.

    Args:
        logits: [N, classes], of examples held out of training. labels: [N] integers.
    """

    def nll(log_t: float) -> float:
        log_chance = log_softmax(logits.astype(np.float64) / np.exp(log_t), axis=-1)
        return -float(log_chance[np.arange(len(labels)), labels].mean())

    bound = np.log(20)
    return float(np.exp(minimize_scalar(nll, bounds=(-bound, bound), method="bounded").x))
