"""Whether vectors of sentences that are close in meaning have a large cosine."""

from __future__ import annotations

from collections.abc import Mapping

import chex
import numpy as np

from deeplearn.metrics.detection import auroc

ROUNDING = 1e-6  # cosines that differ by less are equal: a bag of words has one, in whatever order it is summed
GRADED, PARAPHRASE = 0, 1  # `part` of a pair of graded closeness, and of a true paraphrase
EXCHANGES = {"trap_their_words": 2, "trap_own_words": 3}  # of those that tell something else in the same words


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [N, D] at length 1; a vector of zeros stays one, so that its cosine with any other is 0."""
    chex.assert_rank(vectors, 2)
    vectors = np.asarray(vectors, np.float64)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def cosines(vectors: np.ndarray) -> np.ndarray:
    """Of rows 2i and 2i + 1: [N, D] -> [N // 2]."""
    first, second = (unit(vectors[place : len(vectors) // 2 * 2 : 2]) for place in (0, 1))
    return (first * second).sum(1)


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation ρ of cosines and closeness, [N] both; 0 where either has one value alone."""
    from scipy.stats import spearmanr

    chex.assert_rank([one, other], 1)
    chex.assert_equal_shape([one, other])
    # Rounding is no rank: vectors that are equal have cosines that differ in the last bits.
    one = np.round(np.asarray(one) / ROUNDING)
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)


def of_pairs(vectors: np.ndarray, rows: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Of the vectors [N, D] of rows that are pairs, as `forms.sentences` has them, with their `closeness`.

    spearman: ρ between cosine and closeness, of graded pairs where pairs have a `part`. Where they have:
    trap_their_words: how often a paraphrase is nearer to its sentence than what says in the paraphrase's words that
        the roles are exchanged; trap_own_words: than what says so in the sentence's own words. A tie is half.
    """
    cosine = cosines(vectors)
    closeness = rows["closeness"][::2][: len(cosine)]
    if "part" not in rows:
        return {"spearman": spearman(cosine, closeness)}
    part = rows["part"][::2][: len(cosine)]
    graded, true = part == GRADED, cosine[part == PARAPHRASE]
    metrics = {"spearman": spearman(cosine[graded], closeness[graded])}
    for name, number in EXCHANGES.items():
        false = cosine[part == number]
        if count := min(len(true), len(false)):
            gap = (true[:count] - false[:count]) / ROUNDING
            metrics[name] = float(np.where(np.abs(gap) < 1, 0.5, gap > 0).mean())
    return metrics


def of_topics(vectors: np.ndarray, label: np.ndarray) -> dict[str, float]:
    """Of vectors [N, D] with labels [N], two of which are equal and two different.

    auroc: of two pairs, one with a label in common and one without, how often the first has the larger cosine.
    recall_at_1: how often the nearest other row has the same label, of the rows that have a fellow.
    """
    chex.assert_equal_shape_prefix([vectors, label], 1)
    cosine, same = unit(vectors) @ unit(vectors).T, label[:, None] == label
    pairs = np.triu_indices(len(label), 1)
    np.fill_diagonal(cosine, -np.inf)
    fellow = same.sum(1) > 1
    return {
        "auroc": auroc(cosine[pairs][None], same[pairs][None]),
        "recall_at_1": float((label[cosine.argmax(1)] == label)[fellow].mean()),
    }
