"""Cutting one sequence of examples into disjoint splits, by a fixed seed."""

from collections.abc import Sequence

import numpy as np

# A data set without a validation (or test) split gives up a tenth of its training split, at most this many.
CARVE_LIMIT = 5000


def stratified(labels: np.ndarray, sizes: Sequence[int], seed: int) -> list[np.ndarray]:
    """Disjoint index arrays of exactly `sizes`, each with the classes of `labels` [N] in proportion (± 1).

    Systematic sampling: put the shuffled examples in order of class and take every (N / size)-th. The last
    array holds what is left when sum(sizes) < N, so there is one array more than `sizes`. Each is shuffled.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labels))
    left = shuffled[np.argsort(labels[shuffled], kind="stable")]
    parts = []
    for size in sizes:
        taken = ((np.arange(size) + 0.5) * len(left) / size).astype(int) if size else np.arange(0)
        parts.append(rng.permutation(left[taken]))
        left = np.delete(left, taken)
    return [*parts, rng.permutation(left)]


def train_validation_test(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of an 80 / 10 / 10 stratified partition of N >= 3 examples."""
    tenth = max(1, round(len(labels) / 10))
    validation, test, train = stratified(labels, [tenth, tenth], seed)
    return train, validation, test


def carve(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (kept, carved): a stratified tenth, at most CARVE_LIMIT, is taken out of N >= 2 examples."""
    tenth = min(max(1, round(len(labels) / 10)), CARVE_LIMIT)
    carved, kept = stratified(labels, [tenth], seed)
    return kept, carved
