"""Non-local means: denoising with no learning at all, the baseline that only looks at the image itself."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def nonlocal_means(images: np.ndarray, strength: float, radius: int = 1) -> np.ndarray:
    """Each pixel becomes the mean of all pixels of its image, weighed by how alike their surroundings are.

    The weight of pixel j for pixel i is exp(−d²/h²), d² the mean squared difference of the patches around them
    (Buades, Coll & Morel 2005, section 3). Patches reach over the edge by reflection.

    Args:
        images: [N, H, W, C]. strength: h, in units of the pixels. radius: of the square patches, 2r + 1 a side.
    """
    margin = ((radius, radius), (radius, radius), (0, 0))
    result = np.empty_like(images)
    for number, image in enumerate(images):
        windows = sliding_window_view(np.pad(image, margin, "reflect"), (2 * radius + 1,) * 2, axis=(0, 1))
        patches = windows.reshape(image.shape[0] * image.shape[1], -1)
        squares = (patches**2).sum(1)
        distances = np.maximum(squares[:, None] + squares - 2 * patches @ patches.T, 0) / patches.shape[1]
        weights = np.exp(-distances / strength**2)
        result[number] = (weights @ image.reshape(len(patches), -1) / weights.sum(1, keepdims=True)).reshape(
            image.shape
        )
    return result
