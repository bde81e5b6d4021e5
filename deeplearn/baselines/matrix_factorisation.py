"""Matrix factorisation by alternating ridge regressions, and simpler ways to recommend.

rows: {"rating": those to learn from, "held_out": those to predict}, [users, items] each, 0 where there is none
(`metrics.ratings`).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import chex
import numpy as np

from deeplearn.baselines.classical import Thunks
from deeplearn.measured import Measured
from deeplearn.metrics.ratings import LIKED, TOP, ranked, rmse
from deeplearn.metrics.statistics import summary

FIRST = 0.1  # standard deviation of the items' first factors
SEEDS = 5  # random starts from which the chosen sizes are fitted
RANKS, PENALTIES, CONFIDENCES = (2, 4, 8, 16), (1.0, 2.0, 5.0, 10.0), (2.0, 5.0)  # validation chooses one

Rows = Mapping[str, np.ndarray]


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
    """Minimises Σ w_ui (x_ui − x̂_ui)² + penalty · (Σ biases² + Σ‖p_u‖² + Σ‖q_i‖²); the mean stays fixed.

    x, weight: [users, items]. Weights of 1 where a rating was observed and 0 elsewhere give the factorisation of
    ratings (Koren, Bell & Volinsky 2009, equation 5); 1 everywhere and more where something was observed, with x
    1 there and 0 elsewhere, give that of implicit feedback (Hu, Koren & Volinsky 2008, equation 3) with biases.
    rank 0: biases only.
    """
    chex.assert_rank([x, weight], 2)
    chex.assert_equal_shape([x, weight])
    mean = float((weight * x).sum() / weight.sum())
    item = np.random.default_rng(seed).normal(scale=FIRST, size=(x.shape[1], 1 + rank))
    item[:, 0] = 0
    for _ in range(iterations):
        user = regress(x - mean, weight, item, penalty)
        item = regress((x - mean).T, weight.T, user, penalty)
    return Factors(mean, user, item)


def regress(x: np.ndarray, weight: np.ndarray, other: np.ndarray, penalty: float) -> np.ndarray:
    """Bias and factors [rows, 1 + rank] of each row of x [rows, columns], given the columns', by ridge
    regression."""
    design = np.concatenate([np.ones((len(other), 1)), other[:, 1:]], axis=1)
    size = design.shape[1]
    products = (design[:, :, None] * design[:, None]).reshape(len(other), -1)
    gram = (weight @ products).reshape(-1, size, size) + penalty * np.eye(size)
    return np.linalg.solve(gram, ((weight * (x - other[:, 0])) @ design)[..., None])[..., 0]


def likes(rating: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """What was liked [users, items], 1 or 0, and its weight in the squared error (Hu et al. 2008)."""
    liked = (rating >= LIKED).astype(float)
    return liked, 1 + (confidence - 1) * liked


def chosen_of_ratings(rows: Rows) -> dict[str, Any]:
    """{"rank", "penalty"} of the factorisation of ratings with the lowest error on what is held out."""
    observed = (rows["rating"] > 0).astype(float)
    return min(
        ({"rank": rank, "penalty": penalty} for rank, penalty in itertools.product(RANKS, PENALTIES)),
        key=lambda size: rmse(fit(rows["rating"], observed, **size).predict(), rows),
    )


def chosen_of_likes(rows: Rows) -> dict[str, Any]:
    """{"rank", "penalty", "confidence"} of the factorisation of likes that best ranks what is held out."""
    sizes = itertools.product(RANKS, PENALTIES, CONFIDENCES)
    return max(
        (dict(zip(("rank", "penalty", "confidence"), size, strict=True)) for size in sizes),
        key=lambda size: ranked(fit_likes(rows, **size).predict(), rows)[f"ndcg@{TOP}"],
    )


def fit_likes(rows: Rows, rank: int, penalty: float, confidence: float, seed: int = 0) -> Factors:
    """The factorisation of what was liked, see `likes`."""
    return fit(*likes(rows["rating"], confidence), rank, penalty, seed)


def recommenders(validation: Rows, test: Rows) -> Thunks:
    """{"matrix factorisation", "factorisation of likes", "popularity": thunk}, sizes chosen on `validation`.

    validation, test: rows as above with equal "rating". Where `test` has a column "bias" [users, items],
    predictions by the biases of user and item, there is a row "biases of user and item" too.

    Metrics: on test, `rmse` in stars (not of likes and popularity), `recall@20` and `ndcg@20` (not of biases); of
    the factorisations {"mean", "stderr"} over 5 starts, and the chosen `rank`, `penalty`, `confidence`.
    Arrays: `predicted` [users, items], ratings or scores, of the factorisations from the first start.
    """
    chex.assert_equal_shape([validation["rating"], validation["held_out"], test["rating"], test["held_out"]])
    observed = (test["rating"] > 0).astype(float)

    def both(predicted: np.ndarray) -> dict[str, float]:
        return {"rmse": rmse(predicted, test), **ranked(predicted, test)}

    def of_starts(
        factors: Callable[..., Factors],
        size: Mapping[str, float],
        measure: Callable[[np.ndarray], dict[str, float]],
    ) -> Measured:
        predicted = [factors(**size, seed=seed).predict() for seed in range(SEEDS)]
        return Measured({**summary([measure(p) for p in predicted]), **size}, {"predicted": predicted[0]})

    def of_ratings() -> Measured:
        factors = functools.partial(fit, test["rating"], observed)
        return of_starts(factors, chosen_of_ratings(validation), both)

    def of_likes() -> Measured:
        factors = functools.partial(fit_likes, test)
        return of_starts(factors, chosen_of_likes(validation), lambda predicted: ranked(predicted, test))

    def popularity() -> Measured:
        predicted = np.broadcast_to((test["rating"] >= LIKED).sum(0), test["rating"].shape)
        return Measured(ranked(predicted, test), {"predicted": predicted})

    thunks = {"matrix factorisation": of_ratings, "factorisation of likes": of_likes}
    if "bias" in test:
        thunks["biases of user and item"] = lambda: Measured(
            {"rmse": rmse(test["bias"], test)}, {"predicted": test["bias"]}
        )
    return {**thunks, "popularity": popularity}
