"""Recall against sets, matrix factorisation against scikit-learn's ridge regression and a known table."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from deeplearn.metrics.matrix_factorisation import fit, regress
from deeplearn.metrics.ranking import recall_at


def test_recall_is_the_share_of_what_is_relevant_among_the_first():
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


def test_each_half_of_an_iteration_is_a_weighted_ridge_regression():
    rng = np.random.default_rng(0)
    x, weight, other = (
        rng.normal(size=(6, 30)),
        rng.random((6, 30)) * (rng.random((6, 30)) < 0.7),
        rng.normal(size=(30, 4)),
    )
    ours = regress(x, weight, other, penalty=0.7)
    design = np.concatenate([np.ones((30, 1)), other[:, 1:]], axis=1)
    for row in range(6):
        ridge = Ridge(0.7, fit_intercept=False).fit(design, x[row] - other[:, 0], sample_weight=weight[row])
        np.testing.assert_allclose(ours[row], ridge.coef_, rtol=1e-8)


def low_rank(rng):
    """A table [40, 30] of biases and two factors, and which of its entries are seen."""
    table = 3 + rng.normal(size=(40, 1)) + rng.normal(size=30) + rng.normal(size=(40, 2)) @ rng.normal(size=(2, 30))
    return table, (rng.random(table.shape) < 0.7).astype(float)


def test_factorisation_fills_in_a_table_of_low_rank():
    table, weight = low_rank(np.random.default_rng(1))
    found = fit(np.where(weight > 0, table, 99.0), weight, rank=2, penalty=1e-3, iterations=300)
    np.testing.assert_allclose(found.predict(), table, atol=0.05)


def test_factorisation_comes_to_rest_where_its_objective_is_least():
    table, weight = low_rank(np.random.default_rng(1))
    found = fit(table, weight, rank=2, penalty=1.0, iterations=300)
    rng = np.random.default_rng(0)

    def objective(factors):
        squares = weight * (table - factors.predict()) ** 2
        return squares.sum() + (factors.user**2).sum() + (factors.item**2).sum()

    for name in ("user", "item"):
        for _ in range(20):
            direction = rng.normal(size=getattr(found, name).shape)
            up, down = (
                objective(found._replace(**{name: getattr(found, name) + e * direction})) for e in (1e-3, -1e-3)
            )
            assert abs(up - down) / 2e-3 < 1e-3 * np.linalg.norm(direction)
            assert up > objective(found)


def test_biases_alone_are_those_of_a_regression_on_who_and_what():
    rng = np.random.default_rng(2)
    table, weight = rng.normal(size=(7, 5)), (rng.random((7, 5)) < 0.8).astype(float)
    found = fit(table, weight, rank=0, penalty=0.5, iterations=200)
    user, item = np.nonzero(weight)
    indicators = np.concatenate([np.eye(7)[user], np.eye(5)[item]], axis=1)
    ridge = Ridge(0.5, fit_intercept=False).fit(indicators, table[user, item] - table[user, item].mean())
    np.testing.assert_allclose(np.concatenate([found.user[:, 0], found.item[:, 0]]), ridge.coef_, atol=1e-8)
