"""Analogies, by brute force over the words."""

import numpy as np
import pytest

from deeplearn.metrics.word_vectors import EPSILON, analogy_accuracy, analogy_scores

VECTORS = np.random.default_rng(0).normal(size=(9, 4))


def cos(x, y):
    return x @ y / np.linalg.norm(x) / np.linalg.norm(y)


@pytest.mark.parametrize("form", ["add", "mul"])
def test_scores_by_brute_force(form):
    questions = np.array([[0, 1, 2], [5, 3, 8]])
    scores = analogy_scores(VECTORS, questions, form)
    for row, (a, b, c) in zip(scores, questions, strict=True):
        for d in range(9):
            if d in (a, b, c):
                assert row[d] == -np.inf
                continue
            to_a, to_b, to_c = (cos(VECTORS[d], VECTORS[x]) for x in (a, b, c))
            if form == "add":
                expected = to_b - to_a + to_c
            else:
                to_a, to_b, to_c = ((1 + x) / 2 for x in (to_a, to_b, to_c))
                expected = to_b * to_c / (to_a + EPSILON)
            assert row[d] == pytest.approx(expected, rel=1e-6)


def test_accuracy_of_vectors_that_add_up():
    """A square of two independent things answers all; the order of the words does not matter."""
    sex, role = np.eye(4)[0], np.eye(4)[1]
    vectors = np.stack([np.eye(4)[3] + s * sex + r * role for s in (-1, 1) for r in (-1, 1)])
    questions = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [0, 1, 2, 1]])
    assert analogy_accuracy(vectors, questions[:2]) == 1
    assert analogy_accuracy(vectors[[3, 0, 1, 2]], np.array([[1, 2, 3, 0]]), "mul") == 1
    assert analogy_accuracy(vectors, questions) == pytest.approx(2 / 3)  # no word that is given is an answer
    assert analogy_accuracy(vectors, np.zeros((0, 4), int)) == 0
