"""Distances between feature sets against SciPy, closed forms and plain loops."""

import numpy as np
import pytest
import scipy.linalg
from sklearn.neighbors import NearestNeighbors

from deeplearn.metrics import distances


@pytest.fixture(name="sets")
def two_sets():
    generator = np.random.default_rng(0)
    a = generator.normal(size=(60, 5)) @ generator.normal(size=(5, 5))
    b = generator.normal(size=(45, 5)) @ generator.normal(size=(5, 5)) + 0.7
    return a, b


def with_moments(points, mean, covariance):
    """The points, moved so that their sample mean and covariance are exactly these."""
    points = points - points.mean(axis=0)
    whitened = np.linalg.solve(np.linalg.cholesky(np.cov(points.T)), points.T).T
    return mean + whitened @ np.linalg.cholesky(covariance).T


def test_frechet_agrees_with_a_matrix_square_root(sets):
    a, b = sets
    covariance_a, covariance_b = np.cov(a.T), np.cov(b.T)
    cross = scipy.linalg.sqrtm(covariance_a @ covariance_b).real
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(covariance_a + covariance_b - 2 * cross)
    assert distances.frechet(a, b) == pytest.approx(expected, rel=1e-9)


def test_frechet_between_gaussians_with_a_closed_form():
    points = np.random.default_rng(1).normal(size=(100, 3))
    a = with_moments(points, np.zeros(3), np.diag([1.0, 4.0, 9.0]))
    b = with_moments(points[::-1], np.array([1.0, 2.0, 0.0]), np.diag([4.0, 4.0, 1.0]))
    # Commuting covariances: ‖μ‖² + Σ (σ_a − σ_b)² = 5 + (1 + 0 + 4)
    assert distances.frechet(a, b) == pytest.approx(10, rel=1e-9)


def test_frechet_with_fewer_samples_than_features():
    generator = np.random.default_rng(2)
    a, b = generator.normal(size=(8, 20)), generator.normal(size=(6, 20))
    # Rank-deficient covariances: the square root through eigenvalues, in exact symmetric form.
    values, vectors = np.linalg.eigh(np.cov(a.T))
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    overlap = np.sqrt(np.clip(np.linalg.eigvalsh(root @ np.cov(b.T) @ root), 0, None)).sum()
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(np.cov(a.T) + np.cov(b.T)) - 2 * overlap
    assert distances.frechet(a, b) == pytest.approx(expected, rel=1e-5)
    assert distances.frechet(a, a) == pytest.approx(0, abs=1e-10)


def brute_force_mmd(a, b):
    def mean(x, y, skip):
        values = [
            (sum(p * q for p, q in zip(u, v, strict=True)) / len(u) + 1) ** 3
            for i, u in enumerate(x)
            for j, v in enumerate(y)
            if not (skip and i == j)
        ]
        return sum(values) / len(values)

    return mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False)


def test_kernel_distance_agrees_with_loops(sets, monkeypatch):
    a, b = sets
    expected = brute_force_mmd(a.tolist(), b.tolist())
    assert distances.kernel_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert distances.kernel_distance(b, a) == pytest.approx(expected, rel=1e-9)
    monkeypatch.setattr(distances, "_row_blocks", seven_rows)
    assert distances.kernel_distance(a, b) == pytest.approx(expected, rel=1e-9)


def seven_rows(rows, columns):
    """Blocks so small that the last one is not full."""
    return (slice(start, start + 7) for start in range(0, rows, 7))


def test_kernel_distance_is_unbiased():
    generator = np.random.default_rng(3)
    draws = [distances.kernel_distance(*generator.normal(size=(2, 20, 4))) for _ in range(300)]
    assert min(draws) < 0  # a biased estimate never is
    assert abs(np.mean(draws)) < 4 * np.std(draws) / np.sqrt(300)


def brute_force_precision(real, fake, k):
    def on_manifold(point, support):
        return any(
            np.linalg.norm(point - center)
            <= sorted(np.linalg.norm(center - other) for other in np.delete(support, i, axis=0))[k - 1]
            for i, center in enumerate(support)
        )

    return np.mean([on_manifold(point, real) for point in fake])


@pytest.mark.parametrize("k", [1, 3])
def test_precision_recall_agrees_with_loops(sets, k, monkeypatch):
    real, fake = sets
    expected = {
        "precision": pytest.approx(brute_force_precision(real, fake, k)),
        "recall": pytest.approx(brute_force_precision(fake, real, k)),
    }
    assert all(0.1 < value.expected < 0.9 for value in expected.values())
    assert distances.precision_recall(real, fake, k) == expected
    monkeypatch.setattr(distances, "_row_blocks", seven_rows)
    assert distances.precision_recall(real, fake, k) == expected


def test_precision_recall_tells_fidelity_from_variety():
    real = np.random.default_rng(4).normal(size=(400, 2))
    collapsed = 0.1 * np.random.default_rng(5).normal(size=(400, 2))
    wide = 10 * np.random.default_rng(6).normal(size=(400, 2))
    assert distances.precision_recall(real, real) == {"precision": 1.0, "recall": 1.0}
    assert distances.precision_recall(real, collapsed)["precision"] > 0.95
    assert distances.precision_recall(real, collapsed)["recall"] < 0.1
    assert distances.precision_recall(real, wide)["precision"] < 0.2
    assert distances.precision_recall(real, wide)["recall"] > 0.9


def test_nearest_distances_agree_with_scikit_learn(sets, monkeypatch):
    a, b = sets
    expected = NearestNeighbors(n_neighbors=1).fit(b).kneighbors(a)[0][:, 0]
    np.testing.assert_allclose(distances.nearest_distances(a, b), expected, rtol=1e-12)
    np.testing.assert_array_equal(distances.nearest_distances(b[5:8], b), 0)
    monkeypatch.setattr(distances, "_row_blocks", seven_rows)
    np.testing.assert_allclose(distances.nearest_distances(a, b), expected, rtol=1e-12)


def test_blocks_cover_every_row_once_and_bound_the_memory():
    blocks = list(distances._row_blocks(10_000, 3_000))
    np.testing.assert_array_equal(np.concatenate([np.arange(10_000)[rows] for rows in blocks]), range(10_000))
    assert all((rows.stop - rows.start) * 3_000 <= 2**22 for rows in blocks)
