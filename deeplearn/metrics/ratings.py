"""Metrics of predicted held-out ratings: the error in stars, and the ranking of liked films.

rows: {"rating": those to learn from, "held_out": those to predict}, [users, items] each, 0 where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping

import chex
import numpy as np

from deeplearn.metrics.ranking import recall_at

LIKED = 4  # stars
TOP = 20


def rmse(predicted: np.ndarray, rows: Mapping[str, np.ndarray]) -> float:
    """Root mean squared error on held-out ratings, in stars, of predictions [users, items] clipped to the scale.

    The scale goes from the lowest to the highest of the ratings to learn from, which may be those of more items.
    """
    chex.assert_rank(predicted, 2)
    chex.assert_equal_shape([predicted, rows["held_out"]])
    stars = rows["rating"][rows["rating"] > 0]
    held_out = rows["held_out"] > 0
    error = predicted[held_out].clip(stars.min(), stars.max()) - rows["held_out"][held_out]
    return float(np.sqrt(np.square(error).mean()))


def among_unseen(scores: np.ndarray, rows: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(whether an item is held out and liked, scores with seen items last), of users who liked a held-out item.

    Scores are [users, items], both results [users who liked something, items].
    """
    chex.assert_rank(scores, 2)
    chex.assert_equal_shape([scores, rows["rating"], rows["held_out"]])
    liked = rows["held_out"] >= LIKED
    users = liked.any(axis=1)
    return liked[users], np.where(rows["rating"] > 0, scores.min() - 1, scores)[users]


def ranked(scores: np.ndarray, rows: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Recall (`ranking.recall_at`) and NDCG at 20, of scores [users, items], among the unseen."""
    from sklearn.metrics import ndcg_score

    liked, scores = among_unseen(scores, rows)
    top = min(TOP, scores.shape[1])
    ndcg = float(ndcg_score(liked, scores, k=top, ignore_ties=True))
    return {f"recall@{TOP}": float(recall_at(top, liked, scores).mean()), f"ndcg@{TOP}": ndcg}


def rmse_by_film(
    predicted: np.ndarray, rows: Mapping[str, np.ndarray], parts: int = 8
) -> tuple[list[float], list[float]]:
    """(Mean number of ratings to learn from, RMSE) of films in up to `parts` groups, those with the fewest first.

    predicted: [users, items]. A group without held-out ratings is left out.
    """
    number = (rows["rating"] > 0).sum(0)
    groups = np.array_split(np.argsort(number, kind="stable"), parts)
    groups = [group for group in groups if (rows["held_out"][:, group] > 0).any()]
    errors = []
    for group in groups:
        inside = np.isin(np.arange(len(number)), group)
        errors.append(rmse(predicted, {**rows, "held_out": np.where(inside, rows["held_out"], 0)}))
    return [float(number[group].mean()) for group in groups], errors


def recall_curve(scores: np.ndarray, rows: Mapping[str, np.ndarray]) -> tuple[list[int], list[float]]:
    """(k, recall at k among the unseen, averaged over users) for k from 1 to 100, of scores [users, items]."""
    tops = [k for k in (1, 2, 5, 10, 20, 50, 100) if k <= scores.shape[1]]
    liked, unseen = among_unseen(scores, rows)
    return tops, [float(recall_at(k, liked, unseen).mean()) for k in tops]
