"""The Gaussian fitted to data: what a model of samples has to beat that knows means and covariances only."""

from __future__ import annotations

import numpy as np


def gaussian_draws(x: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """[count, ...] draws, float32, from the Gaussian with the mean and covariance (with N − 1) of x [N, ...]."""
    flat = x.reshape(len(x), -1).astype(np.float32)
    mean = flat.mean(0, dtype=np.float64).astype(np.float32)
    flat -= mean
    # With Z of independent unit normals [count, N], the rows of Z (x − mean) / √(N − 1) have exactly the sample
    # covariance: it is never formed (18 GiB of 128×128 colour pixels) and may be of deficient rank.
    weights = np.random.default_rng(seed).standard_normal((count, len(x)), np.float32)
    draws = weights @ flat / np.float32(np.sqrt(max(len(x) - 1, 1)))
    draws += mean
    return draws.reshape(count, *x.shape[1:])
