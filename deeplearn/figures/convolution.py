"""What a convolutional layer does to an image, row by row."""

from __future__ import annotations

import numpy as np
from PIL import Image

from deeplearn.figures.contrast import stretched
from deeplearn.figures.grid import image_rows


def operation(image: np.ndarray, kernel: np.ndarray, maps: np.ndarray) -> Image.Image:
    """The image, filters at their own size in its middle, and below each its feature map; the first eight.

    Args:
        image: [H, W] in [0, 1]. kernel: [height, width, features], no larger. maps: [H, W, features].
    """
    kernels = kernel.transpose(2, 0, 1)[:8]
    sides = list(zip(image.shape, kernels.shape[1:], strict=True))
    frame = [(whole // 2 - side // 2, whole - side - (whole // 2 - side // 2)) for whole, side in sides]
    return image_rows(
        {
            "image": np.stack([image] * len(kernels)),
            "filter": np.pad(stretched(kernels), ((0, 0), *frame), constant_values=0.5),
            "feature map": stretched(maps.transpose(2, 0, 1)[:8]),
        },
        (*image.shape, 1),
    )


def equivariance(moved: np.ndarray, maps: np.ndarray) -> Image.Image:
    """An image moved to the right, its feature maps, the first map moved by as much, and their differences.

    Args:
        moved: [N, H, W] in [0, 1], the n-th by n pixels; what leaves at an edge comes back at the other.
        maps: [N, H, W], one feature of each.
    """
    rolled = np.stack([np.roll(maps[0], shift, 1) for shift in range(len(maps))])
    return image_rows(
        {
            "moved image": moved,
            "its feature map": stretched(maps),
            "the first map, moved": stretched(rolled),
            "difference": np.abs(maps - rolled),
        },
        (*maps.shape[1:], 1),
    )
