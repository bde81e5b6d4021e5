"""Matrix factorisation by alternating ridge regressions: the baseline of recommendation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FIRST = 0.1  # deviation of the items' first factors


class Factors(NamedTuple):
    """x̂_ui = mean + user_bias_u + item_bias_i + p_u · q_i."""

    mean: float
    user: np.ndarray  # [users, 1 + rank]: the bias, then p_u
    item: np.ndarray  # [items, 1 + rank]: the bias, then q_i

    def predict(self) -> np.ndarray:
        """x̂ [users, items]."""
        return self.mean + self.user[:, :1] + self.item[:, 0] + self.user[:, 1:] @ self.item[:, 1:].T


def fit(
    x: np.ndarray, weight: np.ndarray, rank: int, penalty: float, seed: int = 0, iterations: int = 15
) -> Factors:
    """Minimises Σ w_ui (x_ui − x̂_ui)² + penalty · (Σ biases² + Σ‖p_u‖² + Σ‖q_i‖²), the mean held at its own.

    x, weight: [users, items]. Weights of 1 where a rating was observed and 0 elsewhere give the factorisation of
    ratings (Koren, Bell & Volinsky 2009, equation 5); 1 everywhere and more where something was observed, with x
    1 there and 0 elsewhere, that of implicit feedback (Hu, Koren & Volinsky 2008, equation 3) with biases.
    rank 0: biases only.
    """
    mean = float((weight * x).sum() / weight.sum())
    item = np.random.default_rng(seed).normal(scale=FIRST, size=(x.shape[1], 1 + rank))
    item[:, 0] = 0
    for _ in range(iterations):
        user = regress(x - mean, weight, item, penalty)
        item = regress((x - mean).T, weight.T, user, penalty)
    return Factors(mean, user, item)


def regress(x: np.ndarray, weight: np.ndarray, other: np.ndarray, penalty: float) -> np.ndarray:
    """Bias and factors [rows, 1 + rank] of each row of x [rows, columns], given those of the columns: ridge."""
    design = np.concatenate([np.ones((len(other), 1)), other[:, 1:]], axis=1)
    size = design.shape[1]
    products = (design[:, :, None] * design[:, None]).reshape(len(other), -1)
    gram = (weight @ products).reshape(-1, size, size) + penalty * np.eye(size)
    return np.linalg.solve(gram, ((weight * (x - other[:, 0])) @ design)[..., None])[..., 0]
