"""Recall against sets, precision and cosines against scikit-learn."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from sklearn.metrics.pairwise import cosine_similarity

from deeplearn.metrics.ranking import (
    average_precision,
    cosine_matrix,
    found_among,
    found_at,
    ranked_before,
    recall_at,
)

RNG = np.random.default_rng(0)


def test_recall_is_the_fraction_of_what_is_relevant_among_the_first():
    rng = np.random.default_rng(0)
    scores, relevant = rng.normal(size=(20, 9)), rng.random((20, 9)) < 0.5
    relevant[:, 0] = True
    for k in (1, 4, 9):
        expected = []
        for score, row in zip(scores, relevant, strict=True):
            first = set(sorted(range(9), key=lambda item, score=score: -score[item])[:k])
            wanted = set(np.flatnonzero(row))
            expected.append(len(first & wanted) / min(k, len(wanted)))
        np.testing.assert_allclose(recall_at(k, relevant, scores), expected)
    with pytest.raises(ValueError, match="every user"):
        recall_at(1, np.zeros((1, 3), bool), np.zeros((1, 3)))


@pytest.mark.parametrize("scores", [RNG.normal(size=(20, 30)), RNG.integers(4, size=(20, 30)).astype(float)])
def test_average_precision_is_scikit_learn_s(scores):
    """Also where many items have one score, and where all are relevant."""
    relevant = RNG.uniform(size=scores.shape) < 0.2
    relevant[:, 3], relevant[0] = True, True
    expected = [average_precision_score(row, score) for row, score in zip(relevant, scores, strict=True)]
    np.testing.assert_allclose(average_precision(relevant, scores), expected)
    with pytest.raises(ValueError, match="every query"):
        average_precision(np.zeros((1, 3), bool), np.zeros((1, 3)))


def test_average_precision_by_hand():
    """Relevant at places 1 and 3 of four: (1/1 + 2/3) / 2."""
    relevant, scores = np.array([[True, False, False, True]]), np.array([[0.9, 0.8, 0.1, 0.5]])
    np.testing.assert_allclose(average_precision(relevant, scores), [(1 + 2 / 3) / 2])


def test_found_at_is_whether_any_is_among_the_best():
    relevant, scores = RNG.uniform(size=(50, 12)) < 0.2, RNG.normal(size=(50, 12))
    relevant[:, 0] = True
    for k in (1, 3, 20):
        rows = zip(relevant, scores, strict=True)
        expected = [bool(set(np.argsort(-score)[:k]) & set(np.flatnonzero(row))) for row, score in rows]
        np.testing.assert_array_equal(found_at(k, relevant, scores), expected)


def test_cosines_are_scikit_learn_s():
    a, b = RNG.normal(size=(4, 7)), RNG.normal(size=(5, 7))
    a[1] = 0
    np.testing.assert_allclose(cosine_matrix(a, b), cosine_similarity(a, b), atol=1e-12)


def test_what_is_ranked_before_the_best_relevant_item():
    """Item by item; an item with the same score counts as before it, so that equal scores are no success."""
    relevant, scores = RNG.uniform(size=(40, 9)) < 0.3, RNG.integers(5, size=(40, 9)).astype(float)
    relevant[:, 2] = True
    expected = []
    for wanted, score in zip(relevant, scores, strict=True):
        best = max(score[place] for place in range(9) if wanted[place])
        expected.append(sum(score[place] >= best for place in range(9) if not wanted[place]))
    np.testing.assert_array_equal(ranked_before(relevant, scores), expected)


@pytest.mark.parametrize(("sample", "k"), [(4, 1), (4, 2), (6, 5), (9, 1)])
def test_found_among_a_sample_is_the_fraction_of_all_samples(sample, k):
    """Every sample of seven others, of which the first `before` are ranked before the relevant one."""
    for before in range(8):
        drawn = list(itertools.combinations(range(7), min(sample - 1, 7)))
        expected = np.mean([sum(item < before for item in each) < k for each in drawn])
        np.testing.assert_allclose(found_among(sample, k, np.array([before]), np.array([7])), expected)
