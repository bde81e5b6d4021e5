"""What a diffusion model makes as pictures, also while they come to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from deeplearn.models.diffusion import Diffusion

Watch = Callable[[np.ndarray], None]  # of pictures [N, H, W, C] in [0, 1]


def in_range(diffusion: Diffusion, x: jax.Array, beneath: Any = 0.0) -> np.ndarray:
    """x [N, H, W, C] of unit variance as pictures in [0, 1], added to those `beneath`."""
    return np.clip(np.asarray(diffusion.restore(x)) + np.asarray(beneath), 0, 1)


def watching(
    watch: Watch | None, finished: Callable[[jax.Array], np.ndarray]
) -> Callable[[jax.Array], None] | None:
    """A sampler's `watch`, which shows what each level estimates as it would be `finished`; None: nobody looks."""
    return None if watch is None else lambda data: watch(finished(data))
