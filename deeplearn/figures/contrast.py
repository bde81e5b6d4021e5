"""Numbers of any range as brightness or colour: filters, feature maps, errors."""

from __future__ import annotations

import numpy as np


def stretched(pictures: np.ndarray) -> np.ndarray:
    """Each picture of [N, ...] over the whole range from black, its minimum, to white, its maximum."""
    axes = tuple(range(1, pictures.ndim))
    low, high = pictures.min(axes, keepdims=True), pictures.max(axes, keepdims=True)
    return (pictures - low) / np.maximum(high - low, 1e-9)


def around_grey(pictures: np.ndarray) -> np.ndarray:
    """Each picture of [N, ...] with 0 as middle grey, its largest modulus white where positive, else black."""
    span = np.abs(pictures).max(tuple(range(1, pictures.ndim)), keepdims=True)
    return 0.5 + 0.5 * pictures / np.maximum(span, 1e-30)


def red_and_blue(picture: np.ndarray) -> np.ndarray:
    """[...] -> RGB [..., 3]: 0 is white, the largest modulus red where positive, blue where negative."""
    relative = picture / max(np.abs(picture).max(), 1e-30)
    return 1 - np.stack([np.maximum(-relative, 0), np.abs(relative), np.maximum(relative, 0)], -1)


def square(values: np.ndarray, size: int) -> np.ndarray:
    """A layer's numbers [n] as a picture [size, size]: in rows where n is a square, else as vertical stripes."""
    side = int(np.sqrt(len(values)))
    table = values.reshape(side, side) if side * side == len(values) else values[None]
    return table[np.ix_(*[np.arange(size) * extent // size for extent in table.shape])]
