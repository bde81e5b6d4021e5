"""Matrix factorisation against scikit-learn's ridge regression and a known table."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from deeplearn.baselines import matrix_factorisation
from deeplearn.baselines.matrix_factorisation import fit, likes, recommenders, regress
from deeplearn.metrics.ratings import ranked, rmse


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


def test_likes_are_four_stars_and_weigh_more():
    liked, weight = likes(np.array([[4.0, 3.5], [0, 5]]), 5.0)
    assert liked.tolist() == [[1, 0], [0, 1]]
    assert weight.tolist() == [[5, 1], [1, 5]]


def test_sizes_are_those_that_predict_held_out_ratings_best(monkeypatch):
    monkeypatch.setattr(matrix_factorisation, "RANKS", (1, 2))
    monkeypatch.setattr(matrix_factorisation, "PENALTIES", (0.1, 50.0))
    monkeypatch.setattr(matrix_factorisation, "CONFIDENCES", (2.0, 20.0))
    table, weight = low_rank(np.random.default_rng(1))
    stars = np.clip(np.round(2 * table) / 2, 0.5, 5)
    rows = {"rating": stars * weight, "held_out": stars * (1 - weight)}
    liked = (rows["rating"] >= 4).astype(float)
    held_out, errors, gains = rows["held_out"] > 0, {}, {}
    for rank in (1, 2):
        for penalty in (0.1, 50.0):
            found = fit(rows["rating"], weight, rank, penalty).predict().clip(0.5, 5)
            errors[rank, penalty] = np.mean((found - stars)[held_out] ** 2)
            for confidence in (2.0, 20.0):
                found = fit(liked, np.where(liked, confidence, 1.0), rank, penalty).predict()
                gains[rank, penalty, confidence] = mean_ndcg(found, weight > 0, held_out & (stars >= 4))
    # What is tested is held out of the same ratings; here it is what chose.
    test = {**rows, "bias": np.full_like(stars, 3.0)}
    found = {name: thunk() for name, thunk in recommenders(rows, test).items()}
    assert list(found) == [
        "matrix factorisation", "factorisation of likes", "biases of user and item", "popularity",
    ]  # fmt: skip
    rank, penalty = min(errors, key=errors.get)
    row = found["matrix factorisation"]
    assert (row.metrics["rank"], row.metrics["penalty"]) == (rank, penalty)
    starts = [fit(rows["rating"], weight, rank, penalty, seed=seed).predict() for seed in range(5)]
    np.testing.assert_array_equal(row.arrays["predicted"], starts[0])
    scores = [rmse(start, rows) for start in starts]
    assert row.metrics["rmse"] == {
        "mean": pytest.approx(np.mean(scores)), "stderr": pytest.approx(np.std(scores, ddof=1) / np.sqrt(5)),
    }  # fmt: skip
    rank, penalty, confidence = max(gains, key=gains.get)
    row = found["factorisation of likes"]
    assert [row.metrics[name] for name in ("rank", "penalty", "confidence")] == [rank, penalty, confidence]
    starts = [fit(liked, np.where(liked, confidence, 1.0), rank, penalty, seed=s).predict() for s in range(5)]
    np.testing.assert_array_equal(row.arrays["predicted"], starts[0])
    assert row.metrics["ndcg@20"]["mean"] == pytest.approx(np.mean([ranked(s, rows)["ndcg@20"] for s in starts]))
    assert "rmse" not in row.metrics
    assert found["biases of user and item"].metrics == {"rmse": rmse(test["bias"], rows)}
    assert set(found["popularity"].metrics) == {"recall@20", "ndcg@20"}
    assert "biases of user and item" not in recommenders(rows, rows)


def mean_ndcg(scores, seen, relevant, top=20):
    """Normalised discounted gain by loops, over users with something relevant."""
    gains = []
    for score, known, wanted in zip(scores, seen, relevant, strict=True):
        order = [item for item in np.argsort(-score) if not known[item]][:top]
        gain = sum(1 / np.log2(2 + place) for place, item in enumerate(order) if wanted[item])
        best = sum(1 / np.log2(2 + place) for place in range(min(top, wanted.sum())))
        gains += [gain / best] if wanted.any() else []
    return np.mean(gains)
