"""Smaller training sets within larger ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from deeplearn.data.split import Arrays


def nested(count: int, fractions: Sequence[float]) -> tuple[np.ndarray, list[int]]:
    """(an order of the examples [count], sizes of the subsets): a subset of size n is the first n of this order.

    fractions: of all examples, one for each subset; none is empty. Every call gives one and the same order.
    """
    return np.random.default_rng(0).permutation(count), [max(1, round(fraction * count)) for fraction in fractions]


def side_by_side(columns: Mapping[str, np.ndarray], order: np.ndarray, sizes: Sequence[int]) -> Arrays:
    """The subsets of `nested` in one split, [N, ...] -> [N, subsets, ...], so that a batch has examples of each.

    Each subset comes round again until all N examples have been through.
    """
    rows = np.stack([order[np.arange(len(order)) % size] for size in sizes], 1)  # [N, subsets]
    return Arrays({key: column[rows] for key, column in columns.items()})
