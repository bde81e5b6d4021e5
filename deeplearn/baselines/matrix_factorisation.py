"""Matrix factorisation by alternating ridge regressions: the baseline of recommendation."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from deeplearn.metrics.ratings import LIKED, TOP, ranked, rmse

FIRST = 0.1  # deviation of the items' first factors
SEEDS = 5  # first factors that the chosen sizes are fitted from
RANKS, PENALTIES, CONFIDENCES = (2, 4, 8, 16), (1.0, 2.0, 5.0, 10.0), (2.0, 5.0)  # which validation chooses from


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


def likes(rating: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """What was liked [users, items], 1 or 0, and its weight in the squared error (Hu et al. 2008)."""
    liked = (rating >= LIKED).astype(float)
    return liked, 1 + (confidence - 1) * liked


def factorisations(rows: Mapping[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Predictions [users, items] of the factorisations of "ratings" and of "likes", each from SEEDS starts.

    rows: the ratings to learn from and those of the validation split, which chooses the sizes (`metrics.ratings`).
    """
    observed = (rows["rating"] > 0).astype(float)
    of_ratings, of_likes = [], []
    for rank, penalty in itertools.product(RANKS, PENALTIES):
        of_ratings.append(functools.partial(fit, rows["rating"], observed, rank, penalty))
        of_likes += [functools.partial(fit, *likes(rows["rating"], c), rank, penalty) for c in CONFIDENCES]
    best = {
        "ratings": min(of_ratings, key=lambda fitted: rmse(fitted().predict(), rows)),
        "likes": max(of_likes, key=lambda fitted: ranked(fitted().predict(), rows)[f"ndcg@{TOP}"]),
    }
    return {name: [fitted(seed=seed).predict() for seed in range(SEEDS)] for name, fitted in best.items()}
