"""Features by which images are compared where a network's judge would be too much: scikit-learn's MLP."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def small_judge(x: np.ndarray, label: np.ndarray, features: int = 64) -> Callable[[np.ndarray], np.ndarray]:
    """[N, D] -> [N, features], the hidden layer of scikit-learn's MLP after its fit to x [M, D] and label [M]."""
    from sklearn.neural_network import MLPClassifier

    fitted = MLPClassifier((features,), max_iter=300, tol=1e-3, random_state=0).fit(x, label)
    return lambda x: np.maximum(x @ fitted.coefs_[0] + fitted.intercepts_[0], 0)
