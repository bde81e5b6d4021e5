"""How sparse a code is."""

import math

import chex
import numpy as np


def hoyer_sparsity(code: np.ndarray) -> float:
    """(√n − ‖h‖₁/‖h‖₂) / (√n − 1) of [N, n], averaged over the N (Hoyer 2004).

    0 where all units are equal, 1 where only one is on. A code of zeros has none.
    """
    chex.assert_rank(code, 2)
    root = math.sqrt(code.shape[1])
    ratio = np.abs(code).sum(1) / np.linalg.norm(code, axis=1)
    return float(((root - ratio) / (root - 1)).mean())
