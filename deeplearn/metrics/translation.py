"""The effect of moving an image by one pixel on a map of it: equivariance or invariance."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import chex
import numpy as np

MOVES = [move for move in itertools.product((-1, 0, 1), repeat=2) if any(move)]  # down and to the right, in pixels


def equivariance_error(function: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> float:
    """max |f(Tx) − T f(x)| over all moves T by one pixel; images wrap around at their edges.

    function: images [N, H, W, C] -> maps [N, H, W, features].
    """
    chex.assert_rank(images, 4)
    still = function(images)
    chex.assert_rank(still, 4)
    errors = [function(np.roll(images, move, (1, 2))) - np.roll(still, move, (1, 2)) for move in MOVES]
    return float(np.abs(errors).max())


def unchanged(function: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> float:
    """Fraction of active outputs that do not change, up to rounding, when the image moves by one pixel.

    An output is active where it is positive before or after the move. function: images [N, H, W, C] -> [N, ...].
    """
    chex.assert_rank(images, 4)
    still, *moved = (np.asarray(function(np.roll(images, move, (1, 2)))) for move in [(0, 0), *MOVES])
    active = np.stack([(still > 0) | (x > 0) for x in moved])
    same = np.stack([np.isclose(still, x, rtol=1e-5, atol=0) for x in moved])
    return float((same & active).sum() / max(active.sum(), 1))
