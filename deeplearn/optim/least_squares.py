"""Descent on least squares in two or more parameters, in numpy: paths to be drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deeplearn.errors import UserError
from deeplearn.nn.checks import assert_shapes


def descent_paths(
    x: np.ndarray, target: np.ndarray, start: np.ndarray, sizes: Sequence[int], updates: int
) -> list[np.ndarray]:
    """For each batch size the points [updates + 1, D] that descent on mean (x w − target)²/2 visits from `start`.

    x [N, D], target [N], start [D]. Batches are drawn without replacement, 1 ≤ size ≤ N. The rate of all is a tenth
    of one over the largest curvature. UserError where x is 0.
    """
    assert_shapes(x=(x, "examples weights"), target=(target, "examples"), start=(start, "weights"))
    if not x.any():
        raise UserError("the examples do not vary, so there is no direction to descend in")
    rate = 0.1 / np.linalg.eigvalsh(x.T @ x / len(x)).max()
    rng, result = np.random.default_rng(0), []
    for size in sizes:
        w, visited = start, [start]
        for _ in range(updates):
            rows = rng.choice(len(x), size, replace=False)
            w = w - rate * x[rows].T @ (x[rows] @ w - target[rows]) / size
            visited.append(w)
        result.append(np.array(visited))
    return result
