"""How sharp images are beside others."""

from __future__ import annotations

import math

import chex
import numpy as np


def sharpness(images: np.ndarray, like: np.ndarray) -> float:
    """Mean squared difference of neighbouring pixels of images [N, H, W, C] over that of `like` [M, H, W, C].

    1 where they are as sharp, less where they are blurred; more where they are noisy. Beside images each of one
    colour, such are as sharp, and all others infinitely sharper.
    """
    chex.assert_rank([images, like], 4)
    found, wanted = _roughness(images), _roughness(like)
    if not wanted:
        return math.inf if found else 1.0
    return found / wanted


def _roughness(images: np.ndarray) -> float:
    return float(sum(np.square(np.diff(images, axis=axis)).mean() for axis in (1, 2)))
