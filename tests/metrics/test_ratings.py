"""Errors and rankings of held-out ratings, by hand."""

import numpy as np
import pytest

from deeplearn.metrics.ratings import among_unseen, ranked, recall_curve, rmse, rmse_by_film

ROWS = {
    "rating": np.array([[5.0, 0, 0, 1], [5, 0, 0, 0]]),
    "held_out": np.array([[0.0, 4, 3, 0], [0, 0, 2, 0]]),
}
SCORES = np.array([[9.0, 6, 2, 9], [9, 1, 4, 1]])


def test_errors_and_rankings_leave_out_what_was_seen():
    # 6 counts as 5 stars; the second user liked nothing that was held out.
    assert rmse(SCORES, ROWS) == pytest.approx(np.sqrt((1 + 1 + 4) / 3))
    assert ranked(SCORES, ROWS) == {"recall@20": 1.0, "ndcg@20": 1.0}
    worse = ranked(SCORES[:, [0, 2, 1, 3]], ROWS)
    assert worse["ndcg@20"] == pytest.approx(1 / np.log2(3))


def test_predictions_are_clipped_to_the_stars_there_are():
    rows = {**ROWS, "held_out": np.array([[0.0, 4, 1, 0], [0, 0, 2, 0]])}
    low, high = (rmse(np.full((2, 4), stars), rows) for stars in (-3.0, 8.0))
    assert low == pytest.approx(np.sqrt((9 + 0 + 1) / 3))  # as 1 star
    assert high == pytest.approx(np.sqrt((1 + 16 + 9) / 3))  # as 5


def test_twenty_are_recommended():
    """One liked film of a hundred, in each place in turn."""
    rating, place = np.zeros((100, 100)), np.arange(100)
    rows = {"rating": rating, "held_out": np.where(np.eye(100), 4.0, 0.0)}
    scores = np.broadcast_to(-place, (100, 100)).astype(float)
    found = ranked(scores, rows)
    assert found["recall@20"] == pytest.approx(0.2)
    assert found["ndcg@20"] == pytest.approx((1 / np.log2(place[:20] + 2)).sum() / 100)
    tops = [1, 2, 5, 10, 20, 50, 100]
    assert recall_curve(scores, rows) == (tops, pytest.approx([top / 100 for top in tops]))
    rows["rating"] = np.where(np.arange(100)[:, None] < place, 3.0, 0.0)  # of film j there are j ratings
    assert len(rmse_by_film(scores, rows)[0]) == 8


def test_what_was_seen_is_ranked_last():
    liked, scores = among_unseen(SCORES, ROWS)
    assert liked.tolist() == [[False, True, False, False]]
    assert scores.tolist() == [[0, 6, 2, 0]]


def test_errors_of_films_with_few_and_with_many_ratings():
    # Films 1 and 2 have no rating to learn from, film 3 one and film 0 two, but nothing of these is held out.
    number, errors = rmse_by_film(SCORES, ROWS, parts=2)
    assert number == [0.0] and errors == pytest.approx([rmse(SCORES, ROWS)])
    number, errors = rmse_by_film(SCORES, ROWS, parts=4)
    assert number == [0.0, 0.0] and errors == pytest.approx([1.0, np.sqrt((1 + 4) / 2)])


def test_recall_by_the_number_recommended():
    assert recall_curve(SCORES[:, [0, 2, 1, 3]], ROWS) == ([1, 2], [0.0, 1.0])
