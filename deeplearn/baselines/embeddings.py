"""Embeddings of images without a decoder, and how well any code keeps neighbours and classes together."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable

import chex
import numpy as np

from deeplearn.baselines.classical import Thunks
from deeplearn.errors import UserError
from deeplearn.measured import Measured

NEIGHBOURS = 5
EQUAL = 1e-6  # of the largest number: less than that apart is rounding


def embedding_quality(x: np.ndarray, code: np.ndarray, label: np.ndarray) -> dict[str, float]:
    """How well codes [N, k] keep the neighbours of x [N, D] and the classes label [N], N ≥ 3.

    knn_accuracy: fraction of examples whose label is the majority among their 5 nearest other codes; fewer than 11
        examples have fewer neighbours, less than half of all.
    trustworthiness: 1 where neighbours among codes are neighbours among x (Venna & Kaski 2001). rand_index
    (adjusted), mutual_information (normalised): agreement of k-means clusters of the codes, as many as there are
    classes, with the classes.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.manifold import trustworthiness
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
    from sklearn.neighbors import NearestNeighbors

    chex.assert_rank([x, code, label], [2, 2, 1])
    chex.assert_equal_shape_prefix([x, code, label], 1)
    neighbours = min(NEIGHBOURS, (len(x) - 1) // 2)
    nearest = NearestNeighbors(n_neighbors=neighbours).fit(code).kneighbors(return_distance=False)
    votes = np.stack([np.bincount(label[row], minlength=label.max() + 1) for row in nearest])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of fewer different codes than classes
        clusters = KMeans(len(np.unique(label)), n_init=10, random_state=0).fit_predict(code)
    return {
        "knn_accuracy": float((votes.argmax(1) == label).mean()),
        "trustworthiness": float(trustworthiness(x, code, n_neighbors=neighbours)),
        "rand_index": float(adjusted_rand_score(label, clusters)),
        "mutual_information": float(normalized_mutual_info_score(label, clusters)),
    }


def t_sne(x: np.ndarray) -> np.ndarray:
    """[N, D] -> [N, 2], for these rows only: new rows cannot be mapped (van der Maaten & Hinton 2008).

    UserError where all rows are equal, but for rounding.
    """
    from sklearn.manifold import TSNE

    chex.assert_rank(x, 2)
    if np.ptp(x, axis=0).max() <= EQUAL * np.abs(x).max():
        raise UserError("all rows are equal, so t-SNE has no neighbours to keep")
    return TSNE(perplexity=max(1, min(30, len(x) // 4)), init="pca", random_state=0).fit_transform(x)


def embeddings(x: np.ndarray, label: np.ndarray) -> Thunks:
    """{"pixels", "t-SNE": thunk} of x [N, D] with label [N].

    Metrics: those of `embedding_quality`. Arrays: `codes` [N, D] and [N, 2].
    """

    def row(encode: Callable[[np.ndarray], np.ndarray]) -> Measured:
        codes = encode(x)
        return Measured(embedding_quality(x, codes, label), {"codes": codes})

    return {"pixels": functools.partial(row, lambda x: x), "t-SNE": functools.partial(row, t_sne)}
