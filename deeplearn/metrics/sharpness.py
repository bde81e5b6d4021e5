"""How sharp images are beside others."""

from __future__ import annotations

import chex
import numpy as np


def sharpness(images: np.ndarray, like: np.ndarray) -> float:
    """Mean squared difference of neighbouring pixels of images [N, H, W, C] over that of `like` [M, H, W, C].

    1 where they are as sharp, less where they are blurred; more where they are noisy.
    """
    chex.assert_rank([images, like], 4)
    return _roughness(images) / _roughness(like)


def _roughness(images: np.ndarray) -> float:
    return float(sum(np.square(np.diff(images, axis=axis)).mean() for axis in (1, 2)))
