"""The table of ratings, by loops."""

import numpy as np
import pytest

from deeplearn.data import Arrays, Dataset, ratings
from deeplearn.errors import UserError

RATED = {  # (user, film, stars); film 9 and user 40 are in one split alone
    "train": [(30, 7, 4.5), (10, 9, 1.0), (10, 2, 5.0)],
    "validation": [(30, 2, 3.0)],
    "test": [(40, 7, 0.5), (10, 7, 2.0)],
}


def columns(rated):
    user, film, stars = zip(*rated, strict=True)
    ids = {"user_id": np.array(user, np.int32), "movie_id": np.array(film, np.int32)}
    return Arrays({**ids, "user_rating": np.array(stars, np.float32)})


DATASET = Dataset("ratings", *map(columns, RATED.values()))


def test_users_and_films_of_all_splits_have_a_row_and_a_column():
    found = ratings.tables(DATASET)
    assert list(found) == ["train", "validation", "test"]
    for split, rated in RATED.items():
        stars = {(user, film): number for user, film, number in rated}
        expected = [[stars.get((user, film), 0) for film in (2, 7, 9)] for user in (10, 30, 40)]
        assert found[split].tolist() == expected and found[split].dtype == np.float32


def test_a_table_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(ratings, "TABLE_LIMIT", 9)
    assert ratings.tables(DATASET)["train"].shape == (3, 3)
    monkeypatch.setattr(ratings, "TABLE_LIMIT", 8)
    with pytest.raises(UserError, match="3 users and 3 films, too many"):
        ratings.tables(DATASET)
