"""Metrics of vectors of sentences against loops over pairs."""

import itertools

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from deeplearn.metrics.closeness import cosines, of_pairs, of_topics, spearman, unit

RNG = np.random.default_rng(0)


def cosine(a, b):
    return a @ b / np.sqrt((a @ a) * (b @ b))


def test_cosines_are_of_neighbouring_rows():
    vectors = RNG.normal(size=(9, 4))
    np.testing.assert_allclose(cosines(vectors), [cosine(vectors[i], vectors[i + 1]) for i in (0, 2, 4, 6)])
    assert cosines(np.array([[0.0, 0.0], [1.0, 2.0]])) == [0]
    np.testing.assert_allclose(np.linalg.norm(unit(vectors), axis=1), 1)


def test_spearman_is_pearson_s_correlation_of_ranks():
    x, y = RNG.integers(5, size=40), RNG.normal(size=40)
    wanted = np.corrcoef(rankdata(x), rankdata(y))[0, 1]
    assert spearman(x, y) == pytest.approx(wanted)
    assert spearman(y, -np.exp(y)) == pytest.approx(-1)


@pytest.mark.parametrize("x", [np.ones(5), 1 + 1e-9 * np.arange(5), np.zeros(1)])
def test_what_has_one_value_alone_has_no_ranks(x):
    assert spearman(x, np.arange(len(x))) == 0


def test_traps_count_what_is_nearer_and_half_of_ties():
    axes = np.eye(4)
    near, far, tie = axes[0] + axes[1], axes[1] + 3 * axes[2], axes[0] + axes[3]
    # (part, other sentence); the sentence that it is compared with is axes[0].
    pairs = [(0, near), (0, far), (1, near), (1, near), (1, far), (2, far), (2, tie), (2, near)]
    pairs += [(3, axes[0]), (3, axes[0]), (3, 2 * axes[2])]
    vectors = np.array([vector for _, other in pairs for vector in (axes[0], other)])
    rows = {
        "part": np.repeat([part for part, _ in pairs], 2),
        "closeness": np.repeat([1.0, 0.0] + [0.5] * (len(pairs) - 2), 2),
    }
    found = of_pairs(vectors, rows)
    assert found == {
        "spearman": pytest.approx(1),
        "trap_their_words": (1 + 0.5 + 0) / 3,
        "trap_own_words": pytest.approx((0 + 0 + 0.5) / 3),
    }
    assert set(of_pairs(vectors, {"closeness": rows["closeness"]})) == {"spearman"}


def test_topics_are_compared_in_all_pairs():
    vectors, label = RNG.normal(size=(12, 3)), np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 1, 0])
    pairs = [
        (cosine(vectors[i], vectors[j]), label[i] == label[j]) for i, j in itertools.combinations(range(12), 2)
    ]
    same, other = ([value for value, equal in pairs if equal == wanted] for wanted in (True, False))
    found = of_topics(vectors, label)
    assert found["auroc"] == pytest.approx(np.mean([a > b for a in same for b in other]))
    right = []
    for i in range(12):
        nearest = max((j for j in range(12) if j != i), key=lambda j: cosine(vectors[i], vectors[j]))
        if label[i] != 3:  # it has no fellow
            right.append(label[nearest] == label[i])
    assert found["recall_at_1"] == pytest.approx(np.mean(right))


def test_cosines_that_differ_by_rounding_share_a_rank():
    one, other = np.array([0.5, 0.5 + 1e-9, 0.7]), np.array([2.0, 1.0, 3.0])
    assert spearman(one, other) == pytest.approx(spearmanr([0, 0, 1], other).statistic)
