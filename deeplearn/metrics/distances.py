"""Distances between two sets of feature vectors, real and generated; each of them misses something.

The Fréchet and kernel distances mix fidelity and diversity into one number; precision and recall, density and
coverage separate them; the distance to the nearest real example exposes a model that repeats its training data,
which the others reward. None of these is an FID or a KID: those names belong to the Inception network's features.
"""

from __future__ import annotations

import chex
import numpy as np
from scipy.special import rel_entr
from sklearn.metrics import pairwise_distances_chunked
from sklearn.neighbors import NearestNeighbors

BLOCK_MIB = 32  # of distances that are in memory at once
JACKKNIFE = 10  # blocks, each left out in turn


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet (2-Wasserstein) distance, squared, between Gaussians fitted to two sets of features.

    ‖μ_a − μ_b‖² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½), covariances with N − 1 (Heusel et al. 2017, eq. 6;
    Dowson & Landau 1982). The estimate is biased upwards by small samples: compare equal N only.

    Args:
        a: [N, D] features, N ≥ 2. Fewer than D are allowed.
        b: [M, D] features, M ≥ 2.

    Returns:
        The distance, ≥ 0, in squared units of the features.
    """
    a, b = _two_sets(a, b)
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    # With Σ = RᵀR, the eigenvalues of Σ_a Σ_b are the squared singular values of R_a R_bᵀ. So no matrix
    # square root is taken (it turns complex on singular covariances) and no covariance is even formed.
    root_a = np.linalg.qr(a - mean_a, mode="r") / np.sqrt(len(a) - 1)
    root_b = np.linalg.qr(b - mean_b, mode="r") / np.sqrt(len(b) - 1)
    overlap = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    traces = np.sum(root_a**2) + np.sum(root_b**2)
    return max(float(np.sum((mean_a - mean_b) ** 2) + traces - 2 * overlap), 0.0)


def kernel_distance(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Unbiased squared maximum mean discrepancy under the kernel k(x, y) = (x·y / D + 1)³, and its standard error.

    Bińkowski et al. 2018, section 4 (the KID, there on Inception features), of all pairs. Unlike the Fréchet
    distance it is unbiased, so it may be slightly negative when the two distributions agree. The standard error is
    the jackknife's over at most 10 blocks of consecutive examples (Efron & Tibshirani 1993, equation 11.5): shuffle
    examples that are ordered.

    Args:
        a: [N, D] features, N ≥ 3.
        b: [M, D] features, M ≥ 3.
    """
    a, b = _two_sets(a, b)
    blocks = min(JACKKNIFE, len(a), len(b))
    parts_a, parts_b = np.array_split(a, blocks), np.array_split(b, blocks)

    def sums(x: list[np.ndarray], y: list[np.ndarray]) -> np.ndarray:
        """[blocks, blocks]: the kernel summed over all pairs of examples from two blocks."""
        return np.array([[_kernel_sum(p, q) for q in y] for p in x])

    within = []
    for parts in (parts_a, parts_b):
        total = sums(parts, parts)
        same = [np.sum((np.sum(part**2, axis=1) / a.shape[1] + 1) ** 3) for part in parts]
        within.append(total - np.diag(same))  # only pairs of two different examples: this makes it unbiased
    across = sums(parts_a, parts_b)
    sizes_a, sizes_b = np.array([*map(len, parts_a)]), np.array([*map(len, parts_b)])

    def estimate(kept: np.ndarray) -> float:
        square, n, m = np.ix_(kept, kept), sizes_a[kept].sum(), sizes_b[kept].sum()
        pairs_a, pairs_b = within[0][square].sum() / (n * (n - 1)), within[1][square].sum() / (m * (m - 1))
        return float(pairs_a + pairs_b - 2 * across[square].sum() / (n * m))

    every = np.arange(blocks)
    without = np.array([estimate(np.delete(every, block)) for block in every])
    return estimate(every), float(np.sqrt((blocks - 1) * np.var(without)))


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> dict[str, float]:
    """Improved precision and recall (Kynkäänniemi et al. 2019, equations 1 and 2).

    A set's manifold is the union of balls around its points, each reaching to that point's k-th nearest
    neighbour within the set. Use equally many real and fake points: both values depend on the numbers.

    Args:
        real: [N, D] features, N ≥ 2; of fewer than k + 1 the furthest neighbour is taken.
        fake: [M, D] features, M ≥ 2.

    Returns:
        precision: the fraction of fake points on the real manifold (fidelity).
        recall: the fraction of real points on the fake manifold (diversity).
    """
    return {
        "precision": float((_balls_around(real, fake, k)[0] > 0).mean()),
        "recall": float((_balls_around(fake, real, k)[0] > 0).mean()),
    }


def density_coverage(real: np.ndarray, fake: np.ndarray, k: int = 5) -> dict[str, float]:
    """Density and coverage (Naeem et al. 2020, section 3.2), from balls around the real points only.

    One outlier among the real points makes a large ball, which precision counts as much as many small ones; an
    outlier among the fake ones makes one that recall counts. Both are near 1 when the distributions agree.

    Args:
        real: [N, D] features, N ≥ 2; of fewer than k + 1 the furthest neighbour is taken.
        fake: [M, D] features, M ≥ 1.

    Returns:
        density: in how many real balls a fake point lies, over k; 0 to N / k (fidelity).
        coverage: the fraction of real balls in which some fake point lies (diversity).
    """
    of_fake, of_real = _balls_around(real, fake, k)
    return {"density": float(of_fake.mean() / min(k, len(real) - 1)), "coverage": float((of_real > 0).mean())}


def class_score(probabilities: np.ndarray) -> float:
    """exp E KL(p(y|x) ‖ p(y)), p(y) the mean over the samples (Salimans et al. 2016, section 4).

    1 where every sample looks the same to the classifier, at most the number of classes. On the Inception network's
    probabilities it is the Inception score, of all samples at once. probabilities: [N, classes].
    """
    chex.assert_rank(probabilities, 2)
    p = np.asarray(probabilities, np.float64)
    return float(np.exp(rel_entr(p, p.mean(axis=0)).sum(axis=1).mean()))


def nearest_neighbours(queries: np.ndarray, references: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Euclidean distances [N, k] from each query [N, D] to its k nearest references [M, D], and their indices.

    scikit-learn's search in blocks: no matrix [N, M] is formed.
    """
    return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(references).kneighbors(queries)


def _two_sets(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    chex.assert_rank([a, b], 2)
    chex.assert_equal_shape_suffix([a, b], 1)
    return np.asarray(a, np.float64), np.asarray(b, np.float64)


def _kernel_sum(x: np.ndarray, y: np.ndarray) -> float:
    """The sum of (x·y / D + 1)³ over all pairs of rows of x [N, D] and y [M, D]."""
    pieces = np.array_split(x, -(-len(x) * len(y) * 8 // (BLOCK_MIB * 2**20)))
    return sum(float(np.sum((piece @ y.T / x.shape[1] + 1) ** 3)) for piece in pieces)


def _balls_around(centres: np.ndarray, points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """In how many balls each point [M, D] lies [M], and how many points each ball holds [N].

    A ball reaches from a centre [N, D] to the k-th nearest other centre.
    """
    centres, points = _two_sets(centres, points)
    origin = centres.mean(axis=0)
    centres, points = centres - origin, points - origin
    neighbours = NearestNeighbors(n_neighbors=min(k, len(centres) - 1), algorithm="brute").fit(centres)
    radii = neighbours.kneighbors()[0][:, -1]
    # Distances come from ‖x‖² + ‖y‖² − 2 x·y: those of equal points are not quite 0, where many are equal.
    radii += 1e-7 * np.sqrt(np.square(centres).sum(axis=1).max())
    of_centres = np.zeros(len(centres), int)

    def count(distances: np.ndarray, start: int) -> np.ndarray:
        inside = distances <= radii
        of_centres[:] += inside.sum(axis=0)
        return inside.sum(axis=1)

    blocks = pairwise_distances_chunked(points, centres, reduce_func=count, working_memory=BLOCK_MIB)
    return np.concatenate(list(blocks)), of_centres
