"""The Gaussian fitted to data: what a model of samples has to beat that knows means and covariances only."""

from __future__ import annotations

import numpy as np


def gaussian_draws(x: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """[count, ...] draws, float32, from the Gaussian with the mean and covariance of x [N, ...]."""
    flat = x.reshape(len(x), -1).astype(np.float64)
    rng = np.random.default_rng(seed)
    # "eigh" takes a covariance of deficient rank (pixels that are always black) and is the fastest that does.
    draws = rng.multivariate_normal(flat.mean(0), np.cov(flat.T), count, method="eigh")
    return draws.reshape(count, *x.shape[1:]).astype(np.float32)
