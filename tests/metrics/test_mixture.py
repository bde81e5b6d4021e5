"""Mode coverage against a loop written from the papers' words, and at its extremes."""

import math

import numpy as np
import pytest

from deeplearn.metrics.mixture import mode_coverage

GRID = np.array([[x, y] for x in range(-4, 5, 2) for y in range(-4, 5, 2)], float)


def brute_force(samples, means, sigma):
    counts = [0] * len(means)
    for sample in samples:
        distances = [math.dist(sample, mean) for mean in means]
        if min(distances) < 3 * sigma:
            counts[distances.index(min(distances))] += 1
    total = sum(counts)
    entropy = -sum(c / total * math.log(c / total) for c in counts if c)
    return sum(c > 0 for c in counts), total / len(samples), math.log(len(means)) - entropy


def test_agrees_with_a_loop():
    generator = np.random.default_rng(0)
    samples = GRID[generator.integers(0, 17, 400) ** 2 % 25] + 0.1 * generator.normal(size=(400, 2))
    modes, high_quality, reverse_kl = brute_force(samples, GRID, 0.05)
    assert 1 < modes < 25 and 0.2 < high_quality < 0.9  # neither number is at its edge
    found = mode_coverage(samples, GRID, 0.05)
    assert found == {
        "modes": modes,
        "high_quality": pytest.approx(high_quality),
        "reverse_kl": pytest.approx(reverse_kl),
    }


def test_of_the_data_itself():
    generator = np.random.default_rng(1)
    samples = np.repeat(GRID, 4000, axis=0) + 0.05 * generator.normal(size=(100_000, 2))
    found = mode_coverage(samples, GRID, 0.05)
    assert found["modes"] == 25
    assert found["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.002)  # a Rayleigh radius
    assert found["reverse_kl"] == pytest.approx(0, abs=1e-4)


def test_of_a_collapsed_generator():
    samples = np.tile(GRID[7], (100, 1))
    found = mode_coverage(samples, GRID, 0.05)
    assert found == {"modes": 1, "high_quality": 1.0, "reverse_kl": pytest.approx(math.log(25))}


def test_a_single_sample_counts():
    samples = np.concatenate([np.tile(GRID[7], (3, 1)), GRID[[3]]])
    assert tuple(mode_coverage(samples, GRID, 0.05).values()) == pytest.approx(brute_force(samples, GRID, 0.05))


@pytest.mark.parametrize("stray", [1.0, np.nan])
def test_without_a_sample_of_high_quality(stray):
    found = mode_coverage(np.full((10, 2), stray), GRID, 0.05)
    assert found == {"modes": 0, "high_quality": 0.0, "reverse_kl": pytest.approx(math.log(25))}
