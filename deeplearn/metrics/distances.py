"""Distances between two sets of feature vectors, real and generated, and what each of them misses.

The Fréchet and kernel distances mix fidelity and variety into one number; precision and recall tell
them apart; the nearest distance shows a model that repeats its training data, which the others reward.
None of these is a FID or a KID: those names belong to the Inception network's features.
"""

from collections.abc import Iterator

import numpy as np
from scipy.spatial.distance import cdist


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet (2-Wasserstein) distance, squared, between Gaussians fitted to two sets of features.

    ‖μ_a − μ_b‖² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½), covariances with N − 1 (Heusel et al. 2017, eq. 6;
    Dowson & Landau 1982). The estimate is biased upwards by small samples: compare equal N only.

    Args:
        a: [N, D] features.
        b: [M, D] features. Fewer samples than D are allowed.

    Returns:
        The distance, ≥ 0, in squared units of the features.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    # With Σ = RᵀR, the eigenvalues of Σ_a Σ_b are the squared singular values of R_a R_bᵀ. So no matrix
    # square root is taken (it turns complex on singular covariances) and no covariance is even formed.
    root_a = np.linalg.qr(a - mean_a, mode="r") / np.sqrt(len(a) - 1)
    root_b = np.linalg.qr(b - mean_b, mode="r") / np.sqrt(len(b) - 1)
    overlap = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    spread = np.sum(root_a**2) + np.sum(root_b**2)  # the two traces
    return max(float(np.sum((mean_a - mean_b) ** 2) + spread - 2 * overlap), 0.0)


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy under the cubic kernel k(x, y) = (x·y / D + 1)³.

    Bińkowski et al. 2018, section 4 (the KID, there on Inception features). Unlike the Fréchet distance
    it is unbiased, so it may be slightly negative when the two distributions agree.

    Args:
        a: [N, D] features, N ≥ 2.
        b: [M, D] features, M ≥ 2.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)

    def kernel(inner_product: np.ndarray) -> np.ndarray:
        return (inner_product / a.shape[1] + 1) ** 3

    def total(x: np.ndarray, y: np.ndarray) -> float:
        return sum(kernel(x[rows] @ y.T).sum() for rows in _row_blocks(len(x), len(y)))

    def mean_over_pairs(x: np.ndarray) -> float:  # of two different points: this makes it unbiased
        diagonal = kernel(np.sum(x * x, axis=1)).sum()
        return (total(x, x) - diagonal) / (len(x) * (len(x) - 1))

    return float(mean_over_pairs(a) + mean_over_pairs(b) - 2 * total(a, b) / (len(a) * len(b)))


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> dict[str, float]:
    """Improved precision and recall (Kynkäänniemi et al. 2019, eqs. 1 and 2).

    A set's manifold is the union of balls around its points, each reaching to that point's k-th nearest
    neighbour within the set. Use equally many real and fake points: both values depend on the numbers.

    Args:
        real: [N, D] features, N > k.
        fake: [M, D] features, M > k.

    Returns:
        precision: the fraction of fake points on the real manifold (fidelity).
        recall: the fraction of real points on the fake manifold (variety).
    """
    real_radii, fake_radii = _neighbour_distances(real, k), _neighbour_distances(fake, k)
    on_real = np.zeros(len(fake), bool)
    on_fake = np.zeros(len(real), bool)
    for rows in _row_blocks(len(real), len(fake)):
        distances = cdist(real[rows], fake)
        on_real |= (distances <= real_radii[rows, None]).any(axis=0)
        on_fake[rows] = (distances <= fake_radii).any(axis=1)
    return {"precision": float(on_real.mean()), "recall": float(on_fake.mean())}


def nearest_distances(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Euclidean distance [N] from each query [N, D] to its nearest reference [M, D].

    Generated samples much nearer to the training set than held-out data is are a sign of memorising.
    """
    blocks = _row_blocks(len(queries), len(references))
    return np.concatenate([cdist(queries[rows], references).min(axis=1) for rows in blocks])


def _neighbour_distances(points: np.ndarray, k: int) -> np.ndarray:
    """Distance [N] from each point to its k-th nearest other point."""
    blocks = _row_blocks(len(points), len(points))
    # In sorted order place 0 is the point itself, so place k is the k-th other one.
    return np.concatenate([np.partition(cdist(points[rows], points), k, axis=1)[:, k] for rows in blocks])


def _row_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices over the rows of a [rows, columns] matrix, each of at most 32 MiB of float64."""
    size = max(1, 2**22 // columns)
    return (slice(start, start + size) for start in range(0, rows, size))
