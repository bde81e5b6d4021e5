"""Rankings of items, many queries at once: scikit-learn has the discounted gain, and one query's precision."""

from __future__ import annotations

import chex
import numpy as np

from deeplearn.metrics.closeness import unit


def recall_at(k: int, relevant: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Fraction of a user's relevant items among the k with the highest scores, of at most k: [users].

    relevant [users, items] bool, scores [users, items]. The number found is divided by min(k, number relevant), so
    that the best possible ranking has 1 (Liang et al. 2018, section 4.2). ValueError for a user without any.
    """
    number = _relevant(relevant, scores, "user")
    return _among_best(k, relevant, scores).sum(1) / np.minimum(k, number)


def found_at(k: int, relevant: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Whether any of the k items with the highest scores is relevant: bool [queries].

    Its mean is what metric learning calls recall at k (Oh Song et al. 2016, section 5; Jégou et al. 2011), where
    `recall_at` counts all relevant items. relevant [queries, items] bool, scores [queries, items]. ValueError for a
    query without any.
    """
    _relevant(relevant, scores, "query")
    return np.any(_among_best(k, relevant, scores), axis=1)


def average_precision(relevant: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Precision at the place of each relevant item, averaged over these: [queries]. Its mean over queries is mAP.

    As scikit-learn's `average_precision_score`: not interpolated, and items of one score share the last of their
    places, so that their order does not count. relevant [queries, items] bool, scores [queries, items]. ValueError
    for a query without any.
    """
    number, items = _relevant(relevant, scores, "query"), scores.shape[1]
    order = np.argsort(-scores, axis=1)
    scores, relevant = (np.take_along_axis(x, order, axis=1) for x in (scores, relevant))
    last = np.concatenate([scores[:, 1:] != scores[:, :-1], np.ones((len(scores), 1), bool)], axis=1)
    places = np.where(last, np.arange(items), items)
    places = np.minimum.accumulate(places[:, ::-1], axis=1)[:, ::-1]  # of the last item with this score
    found = np.take_along_axis(np.cumsum(relevant, axis=1), places, axis=1)
    return (relevant * found / (places + 1)).sum(1) / number


def cosine_matrix(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosines of the angles between vectors [N, D] and [M, D]: [N, M]; 0 with a vector of zeros."""
    chex.assert_equal_shape_suffix([a, b], 1)
    return unit(a) @ unit(b).T


def _relevant(relevant: np.ndarray, scores: np.ndarray, who: str) -> np.ndarray:
    """How many items are relevant to each query, [queries]."""
    chex.assert_rank([relevant, scores], 2)
    chex.assert_equal_shape([relevant, scores])
    number = relevant.sum(1)
    if not number.all():
        raise ValueError(f"every {who} needs a relevant item")
    return number


def _among_best(k: int, relevant: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Whether each of the k items with the highest scores is relevant: bool [queries, at most k]."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(relevant, best, axis=1)


def ranked_before(relevant: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """How many items that are not relevant score as high as a query's best relevant one, or higher: int [queries].

    relevant [queries, items] bool, scores [queries, items]. ValueError for a query without a relevant item.
    """
    _relevant(relevant, scores, "query")
    best = np.where(relevant, scores, -np.inf).max(1, keepdims=True)
    return ((scores >= best) & ~relevant).sum(1)


def found_among(sample: int, k: int, before: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How probable it is that the relevant item is among the k best of so many: [queries].

    The sample is the relevant item and others drawn without replacement: of all `others` [queries] that are not
    relevant, `before` [queries] are ranked before it. Exact, where a retrieval protocol of 100 or 1,000 items
    would depend on which were drawn; a sample that is larger than all there is, is all.
    """
    from scipy.stats import hypergeom

    chex.assert_equal_shape([before, others])
    probability: np.ndarray = hypergeom.cdf(k - 1, others, before, np.minimum(sample - 1, others))
    return probability
