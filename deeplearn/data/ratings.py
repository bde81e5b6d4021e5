"""Ratings of films by users as one table of users and films."""

from __future__ import annotations

import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.errors import UserError

TABLE_LIMIT = 10**8  # entries of the table of users and films


def tables(dataset: Dataset) -> dict[str, np.ndarray]:
    """{split: ratings [users, films]} float32, 0 where the split has none.

    The splits have "user_id", "movie_id" and "user_rating" [] as TFDS's MovieLens has. Users and films are those of
    all three together, in order of their ids. UserError where there are too many for a table.
    """
    columns = {split: getattr(dataset, split).arrays() for split in ("train", "validation", "test")}
    codes = {key: np.unique(np.concatenate([c[key] for c in columns.values()])) for key in ("user_id", "movie_id")}
    shape = len(codes["user_id"]), len(codes["movie_id"])
    if shape[0] * shape[1] > TABLE_LIMIT:
        raise UserError(
            f"--dataset={dataset.name} has {shape[0]:,} users and {shape[1]:,} films, too many for one table: "
            "choose a smaller set, such as movielens/1m-ratings"
        )
    table = {}
    for split, column in columns.items():
        table[split] = np.zeros(shape, np.float32)
        places = [np.searchsorted(codes[key], column[key]) for key in codes]
        table[split][tuple(places)] = column["user_rating"]
    return table
