"""The low-pass filter [1, 3, 3, 1] of StyleGAN: images blurred, doubled and halved without aliasing (Zhang 2019).

Along both axes, with zeros outside. Sums of shifted images: all derivatives are sums of shifted images too.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.windows import Pair, pad, shifted


def blurred(x: jax.Array, before: int, after: int, gain: float = 1.0) -> jax.Array:
    """[B, H, W, C] -> [B, H + before + after − 3, …, C]: filtered within a frame of zeros, gain times as large."""
    return _filtered(x, (before, after), 1, gain)


def halved(x: jax.Array) -> jax.Array:
    """[B, H, W, C] -> [B, H/2, W/2, C], H and W even: blurred, and every second pixel kept."""
    if x.shape[1] % 2 or x.shape[2] % 2:
        raise ValueError(f"images of {x.shape[1]}×{x.shape[2]} pixels cannot be halved: both must be even")
    return _filtered(x, (1, 1), 2, 1.0)


def doubled(x: jax.Array) -> jax.Array:
    """[B, H, W, C] -> [B, 2H, 2W, C]: zeros between the pixels, blurred, four times as large.

    The zeros are left out: each output pixel is ¾ of the pixel that it lies in and ¼ of the one that it is next to.
    """
    assert_shapes(x=(x, IMAGES))
    x = pad(x, ((1, 1), (1, 1)))
    for axis in (1, 2):
        before, here, after = shifted(x, axis, 3)
        phases = jnp.stack([before + 3 * here, 3 * here + after], axis=axis + 1) / 4
        x = phases.reshape(*here.shape[:axis], 2 * here.shape[axis], *here.shape[axis + 1 :])
    return x


def _filtered(x: jax.Array, frame: Pair, stride: int, gain: float) -> jax.Array:
    assert_shapes(x=(x, IMAGES))
    x = pad(x, (frame, frame))
    for axis in (1, 2):
        first, second, third, fourth = shifted(x, axis, 4, stride)
        x = (first + fourth + 3 * (second + third)) * (gain**0.5 / 8)
    return x
