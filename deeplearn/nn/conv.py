"""Flax's convolution, but that a 1×1 window is computed as the matrix product that it is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp


def _convolve(x: jax.Array, kernel: jax.Array, strides: Sequence[int], padding: Any, **how: Any) -> jax.Array:
    """`jax.lax.conv_general_dilated` as Flax calls it, images [B, H, W, C], kernel [kh, kw, C, features]."""
    framed = not isinstance(padding, str) and any(before or after for before, after in padding)
    if kernel.shape[:-2] != (1, 1) or framed or how["feature_group_count"] != 1:
        return jax.lax.conv_general_dilated(x, kernel, strides, padding, **how)
    down, across = strides
    return jnp.matmul(x[:, ::down, ::across], kernel[0, 0], precision=how["precision"])


# Value and gradient are those of `nn.Conv`; of a 1×1 window XLA's gradients take several times as long on CPU.
Conv = partial(nn.Conv, conv_general_dilated=_convolve)
