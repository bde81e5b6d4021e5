"""Word vectors that nobody trains: positive pointwise mutual information of words that stand near each other."""

from __future__ import annotations

from typing import Any

import chex
import numpy as np


def co_occurrences(ids: np.ndarray, size: int, window: int, harmonic: bool = False) -> Any:
    """How often word c stands at most `window` places before or after word w: scipy's sparse [size, size].

    ids: [time] whole numbers below `size`, a running text. A negative one is no word but a border, such as the end
    of a sentence: nothing is counted across it. harmonic: words d places apart count 1 / d (Pennington et al.
    2014).
    """
    from scipy.sparse import coo_array

    chex.assert_rank(ids, 1)
    part = np.cumsum(ids < 0)
    counts = coo_array((size, size), dtype=np.float64).tocsr()
    for distance in range(1, min(window, len(ids) - 1) + 1):
        left, right = ids[:-distance], ids[distance:]
        near = (left >= 0) & (right >= 0) & (part[:-distance] == part[distance:])
        found = coo_array((np.ones(near.sum()), (left[near], right[near])), shape=(size, size)).tocsr()
        weight = 1 / distance if harmonic else 1.0
        counts = counts + weight * (found + found.T)
    return counts


def positive_mutual_information(counts: Any, smoothing: float = 0.75) -> Any:
    """max(0, ln p(w, c) / (p(w) p_α(c))) with p_α(c) ∝ #(c)^α, sparse as `counts` [words, contexts].

    Levy & Goldberg 2014, and Levy, Goldberg & Dagan 2015, section 3.1, for `smoothing` = α, without which rare
    contexts weigh too much. Where nothing was counted it is 0.
    """
    from scipy.sparse import coo_array

    pairs = coo_array(counts)
    words = np.asarray(counts.sum(1)).ravel()
    contexts = np.asarray(counts.sum(0)).ravel() ** smoothing
    # ln p(w, c) − ln p(w) − ln p_α(c): the total of the first two cancels.
    found = np.log(pairs.data / words[pairs.row]) - np.log(contexts[pairs.col] / contexts.sum())
    kept = found > 0
    return coo_array((found[kept], (pairs.row[kept], pairs.col[kept])), shape=pairs.shape).tocsr()


def ppmi_vectors(ids: np.ndarray, size: int, window: int, dimensions: int) -> np.ndarray:
    """Word vectors U Σ^½ of the truncated singular value decomposition of the text's PPMI: [size, dimensions].

    The square root, which spreads words more evenly than Σ, is that of Levy, Goldberg & Dagan 2015 (section 3.3,
    p = .5). ids, size, window: as in `co_occurrences`. Words that do not occur have zeros, and so have dimensions
    beyond the rank.
    """
    from scipy.sparse.linalg import svds

    information = positive_mutual_information(co_occurrences(ids, size, window))
    vectors = np.zeros((size, dimensions))
    if not information.nnz:
        return vectors
    if dimensions < size:
        # Lanczos starts from a random vector: always the same one, so that the vectors are too.
        left, values, _ = svds(information, dimensions, v0=np.random.default_rng(0).normal(size=size))
    else:
        left, values, _ = np.linalg.svd(information.toarray())
    order = np.argsort(-values)
    vectors[:, : len(values)] = left[:, order] * np.sqrt(values[order])
    return vectors
