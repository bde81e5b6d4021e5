"""The Gaussian fitted to data: a baseline that knows only means and covariances.

No covariance is formed: with X the centred data [N, D], the covariance is XᵀX / (N − 1), and everything is computed
from X itself, so the memory is a few times that of the data, for any number of dimensions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import chex
import numpy as np

from deeplearn.baselines.classical import LIMIT, Thunks
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.measured import Measured
from deeplearn.nn.functional import flat

FULL = 4096  # dimensions, with more rows, beyond which factors of the covariance take minutes


def gaussian_draws(x: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """[count, ...] draws, float32, from the Gaussian with the mean and covariance of x [N, ...].

    A draw is mean + Z R, where RᵀR is the covariance: R is X / √(N − 1), or its triangular factor where there
    are more rows than dimensions, and not too many of these. With a single row all draws are that row.
    """
    chex.assert_rank(x, set(range(2, 6)))
    data = flat(np.asarray(x, np.float32))
    rows, dimensions = data.shape
    mean = data.mean(0, dtype=np.float64)
    root = (data - mean) / np.sqrt(max(rows - 1, 1))
    if FULL >= dimensions < rows:
        root = np.linalg.qr(root, mode="r")
    z = np.random.default_rng(seed).normal(size=(count, len(root))).astype(root.dtype)
    return (z @ root + mean).astype(np.float32).reshape(count, *x.shape[1:])


def gaussian_log_density(x: np.ndarray, train: np.ndarray, floor: float, full: bool = True) -> np.ndarray:
    """log N(x; mean, covariance + floor · I) in nats, [M], of x [M, D], where `train` [N, D] gives the moments.

    Args:
        floor: variance added in every direction, > 0: without it pixels that never change have an infinite
            density. full: the whole covariance, else only its diagonal. Both divide by N, as maximum likelihood.
    """
    chex.assert_rank([x, train], 2)
    mean = train.mean(0, dtype=np.float64)
    x, centred = x - mean, (train - mean) / np.sqrt(len(train))
    if not full:
        variance = np.square(centred).sum(0) + floor
        return -0.5 * (np.square(x) / variance + np.log(2 * np.pi * variance)).sum(1)
    # With X = U S Vᵀ the covariance has variances S² + floor along V, and `floor` in all other directions.
    _, scale, directions = np.linalg.svd(centred, full_matrices=False)
    variance = np.square(scale) + floor
    inside = x @ directions.T
    distance = np.square(x).sum(1) / floor + (np.square(inside) * (1 / variance - 1 / floor)).sum(1)
    log_det = np.log(variance).sum() + (x.shape[1] - len(scale)) * np.log(floor)
    return -0.5 * (distance + log_det + x.shape[1] * np.log(2 * np.pi))


def gaussian_densities(
    dataset: Dataset,
    floor: float,
    *,
    limit: int = LIMIT,
    test_limit: int | None = None,
    observe: Callable[[np.ndarray], Any] = flat,
) -> Thunks:
    """{"Gaussian, diagonal", "Gaussian, full": thunk}: `nll`, nats per test image, of one Gaussian on pixels.

    floor: variance added to each pixel's. The full one is left out, by a UserError, where there are more than
    4,096 pixels and images. observe: images [N, H, W, C] -> what the model sees, [N, D].
    """

    def row(full: bool) -> Measured:
        train, test = dataset.train.arrays(limit)["image"], dataset.test.arrays(test_limit)["image"]
        seen = np.asarray(observe(train))
        if full and min(seen.shape) > FULL:
            raise UserError(f"the covariance of {seen.shape[1]:,} pixels is too large: at most {FULL:,} are used")
        densities = gaussian_log_density(np.asarray(observe(test)), seen, floor, full)
        return Measured({"nll": -float(densities.mean())})

    return {
        "Gaussian, diagonal": functools.partial(row, False),
        "Gaussian, full": functools.partial(row, True),
    }
