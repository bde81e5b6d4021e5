"""Distances between feature sets against SciPy, closed forms and plain loops."""

import numpy as np
import pytest
import scipy.linalg

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
    assert distances.kernel_distance(a, b)[0] == pytest.approx(expected, rel=1e-9)
    assert distances.kernel_distance(b, a)[0] == pytest.approx(expected, rel=1e-9)
    monkeypatch.setattr(distances, "BLOCK_MIB", 1e-4)
    assert distances.kernel_distance(a, b)[0] == pytest.approx(expected, rel=1e-9)


def test_kernel_distance_s_error_is_the_jackknife_over_blocks(sets):
    a, b = sets
    parts_a, parts_b = np.array_split(a, 10), np.array_split(b, 10)

    def without(parts, block):
        return np.concatenate(parts[:block] + parts[block + 1 :]).tolist()

    left = [brute_force_mmd(without(parts_a, block), without(parts_b, block)) for block in range(10)]
    expected = np.sqrt(9 / 10 * np.sum((left - np.mean(left)) ** 2))
    assert distances.kernel_distance(a, b)[1] == pytest.approx(expected, rel=1e-9)
    assert all(np.isfinite(distances.kernel_distance(a[:3], b[:3])))


def test_kernel_distance_is_unbiased_and_its_error_is_of_the_right_size():
    generator = np.random.default_rng(3)
    draws, errors = np.transpose(
        [distances.kernel_distance(*generator.normal(size=(2, 20, 4))) for _ in range(300)]
    )
    assert min(draws) < 0  # a biased estimate never is
    assert abs(np.mean(draws)) < 4 * np.std(draws) / np.sqrt(300)
    shifted = [
        distances.kernel_distance(generator.normal(size=(100, 4)), generator.normal(1, size=(100, 4)))
        for _ in range(100)
    ]
    draws, errors = np.transpose(shifted)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(np.std(draws), rel=0.3)


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
    assert (distances.precision_recall(real, fake) == expected) == (k == 3)
    monkeypatch.setattr(distances, "BLOCK_MIB", 0.003)  # blocks of a few rows, the last one not full
    assert distances.precision_recall(real, fake, k) == expected


def test_precision_recall_separates_fidelity_from_variety():
    real = np.random.default_rng(4).normal(size=(400, 2))
    collapsed = 0.1 * np.random.default_rng(5).normal(size=(400, 2))
    wide = 10 * np.random.default_rng(6).normal(size=(400, 2))
    assert distances.precision_recall(real, real) == {"precision": 1.0, "recall": 1.0}
    assert distances.precision_recall(real, collapsed)["precision"] > 0.95
    assert distances.precision_recall(real, collapsed)["recall"] < 0.1
    assert distances.precision_recall(real, wide)["precision"] < 0.2
    assert distances.precision_recall(real, wide)["recall"] > 0.9


def brute_force_density_coverage(real, fake, k):
    radii = [
        sorted(np.linalg.norm(center - other) for other in np.delete(real, i, axis=0))[k - 1]
        for i, center in enumerate(real)
    ]
    inside = np.array(
        [[np.linalg.norm(center - point) <= r for point in fake] for center, r in zip(real, radii, strict=True)]
    )
    return {"density": inside.sum() / (k * len(fake)), "coverage": inside.any(axis=1).mean()}


@pytest.mark.parametrize("k", [1, 5])
def test_density_coverage_agrees_with_loops(sets, k, monkeypatch):
    real, fake = sets
    expected = {name: pytest.approx(value) for name, value in brute_force_density_coverage(real, fake, k).items()}
    assert all(0.05 < value.expected < 1.5 for value in expected.values())
    assert distances.density_coverage(real, fake, k) == expected
    assert (distances.density_coverage(real, fake) == expected) == (k == 5)
    monkeypatch.setattr(distances, "BLOCK_MIB", 0.003)
    assert distances.density_coverage(real, fake, k) == expected


def test_density_coverage_of_equal_distributions_has_its_closed_form():
    """Naeem et al. 2020, section 3.3: density 1, coverage 1 − (N − 1)…(N − k) / ((2N − 1)…(2N − k))."""
    generator, n, k = np.random.default_rng(7), 60, 5
    each = [distances.density_coverage(*generator.normal(size=(2, n, 3)), k) for _ in range(200)]
    expected = 1 - np.prod([(n - i) / (2 * n - i) for i in range(1, k + 1)])
    for name, value in (("density", 1.0), ("coverage", expected)):
        found = [row[name] for row in each]
        assert abs(np.mean(found) - value) < 4 * np.std(found) / np.sqrt(len(found))


def test_one_outlier_fools_precision_and_not_density():
    generator = np.random.default_rng(8)
    real, fake = generator.normal(size=(200, 2)), 20 + generator.normal(size=(200, 2))
    outlier = np.concatenate([real[1:], [[40.0, 40.0]]])
    assert distances.precision_recall(outlier, fake)["precision"] > 0.9
    assert distances.density_coverage(outlier, fake)["density"] < 0.3


def test_few_points_have_fewer_neighbours(sets):
    real, fake = sets[0][:3], sets[1][:3]
    assert distances.precision_recall(real, fake, 5) == distances.precision_recall(real, fake, 2)
    assert distances.density_coverage(real, fake, 5) == distances.density_coverage(real, fake, 2)


def test_equal_points_lie_in_one_another_s_balls():
    """Whose radius is 0, where as many are equal: far from the origin, so that rounding would tell them apart."""
    real = np.repeat(1000 + np.random.default_rng(9).normal(size=(10, 6)), 6, axis=0)
    assert distances.precision_recall(real, real[::2]) == {"precision": 1.0, "recall": 1.0}
    assert distances.density_coverage(real, real[::2], 5) == {"density": pytest.approx(6 / 5), "coverage": 1.0}


def test_nearest_neighbours_agree_with_all_distances(sets):
    a, b = sets
    apart = np.linalg.norm(a[:, None] - b[None], axis=-1)
    found, which = distances.nearest_neighbours(a, b, 2)
    np.testing.assert_allclose(found, np.sort(apart, axis=1)[:, :2], rtol=1e-12)
    np.testing.assert_array_equal(which, apart.argsort(axis=1)[:, :2])


def test_features_of_other_shapes_are_reported(sets):
    with pytest.raises(AssertionError, match="different shape suffixes"):
        distances.frechet(sets[0], sets[1][:, :3])
    with pytest.raises(AssertionError, match="has rank 1"):
        distances.precision_recall(sets[0][0], sets[1])


def test_the_class_score_is_its_formula():
    """The exponential of the mutual information of class and sample, by plain loops; 0 log 0 is 0."""
    p = np.random.default_rng(0).dirichlet([0.5, 1, 2], size=40)
    mean = p.mean(0)
    information = np.mean([sum(x * np.log(x / m) for x, m in zip(row, mean, strict=True)) for row in p])
    assert distances.class_score(p) == pytest.approx(np.exp(information))
    assert distances.class_score(np.eye(5)[[0, 1, 2, 3, 4, 0, 1, 2, 3, 4]]) == pytest.approx(5)
    assert distances.class_score(np.tile(p[:1], (9, 1))) == pytest.approx(1)
