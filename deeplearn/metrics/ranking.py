"""Rankings of items: what scikit-learn lacks (its `ndcg_score` has the discounted gain)."""

from __future__ import annotations

import chex
import numpy as np


def recall_at(k: int, relevant: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Fraction of a user's relevant items among the k with the highest scores, of at most k: [users].

    relevant [users, items] bool, scores [users, items]. The number found is divided by min(k, number relevant), so
    that the best possible ranking has 1 (Liang et al. 2018, section 4.2). ValueError for a user without any.
    """
    chex.assert_rank([relevant, scores], 2)
    chex.assert_equal_shape([relevant, scores])
    number = relevant.sum(1)
    if not number.all():
        raise ValueError("every user needs a relevant item")
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(relevant, best, axis=1).sum(1) / np.minimum(k, number)
