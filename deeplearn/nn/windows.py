"""Windows of convolutions and pools over images: how they are padded, and the shifted images under them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

Pair = tuple[int, int]
Padding = str | int | Sequence[int | tuple[int, int]]


def pair(value: int | Sequence[int]) -> Pair:
    """A pair, or one number for both."""
    if isinstance(value, int):
        return value, value
    first, second = value
    return int(first), int(second)


class Windows(NamedTuple):
    """Where windows lie over an image: all in (rows, columns), the padding `frame` as ((top, bottom), (left,
    right))."""

    size: Pair
    strides: Pair
    frame: tuple[Pair, Pair]
    dilation: Pair = (1, 1)


def windows(
    image: Sequence[int],
    size: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
) -> Windows:
    """Windows over images [B, H, W, C], given their shape.

    `padding` is "SAME" or "VALID", a number for all four sides, or a number or a pair for each direction.
    """
    size, strides, dilation = pair(size), pair(strides), pair(dilation)
    if isinstance(padding, str):
        reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
        rows, columns = (pair(one) for one in jax.lax.padtype_to_pads(image[1:3], reach, strides, padding))
    else:
        rows, columns = (pair(one) for one in ([padding] * 2 if isinstance(padding, int) else padding))
    return Windows(size, strides, (rows, columns), dilation)


def pad(x: jax.Array, frame: tuple[Pair, Pair], value: float = 0.0) -> jax.Array:
    """[B, H, W, C] with a frame of `value`; negative amounts cut."""
    return jax.lax.pad(x, np.asarray(value, x.dtype), [(0, 0, 0), *((*side, 0) for side in frame), (0, 0, 0)])


def shifted(x: jax.Array, axis: int, taps: int, stride: int = 1, dilation: int = 1) -> list[jax.Array]:
    """What each tap of a window sees along one axis: the k-th is x at k·dilation + stride·(0, 1, 2, …)."""
    assert_room(x.shape[axis], (taps - 1) * dilation + 1)
    length = (x.shape[axis] - (taps - 1) * dilation - 1) // stride + 1
    return [
        jax.lax.slice_in_dim(x, k * dilation, k * dilation + (length - 1) * stride + 1, stride, axis)
        for k in range(taps)
    ]


def assert_room(pixels: int, window: int) -> None:
    """Asserts that a window lies within an image at least once, padding included: nothing would come out."""
    if pixels < window:
        raise AssertionError(
            f"an image of {pixels} pixel(s) a side, padding included, is smaller than a window of {window}: this "
            "network needs larger images"
        )
