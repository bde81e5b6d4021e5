"""Recall against sets."""

import numpy as np
import pytest

from deeplearn.metrics.ranking import recall_at


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
