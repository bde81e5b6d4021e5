"""Non-local means: denoising without learning, from the image itself alone."""

import chex
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

BLOCK = 2**22  # weights, one for each pair of pixels, in memory at once


def nonlocal_means(images: np.ndarray, strength: float, radius: int = 1) -> np.ndarray:
    """Each pixel becomes the mean of all pixels of its image, weighted by how similar their surroundings are.

    The weight of pixel j for pixel i is exp(−d²/h²), d² the mean squared difference of the patches around them
    (Buades, Coll & Morel 2005, section 3). Patches reach over the edge by reflection.

    Args:
        images: [N, H, W, C]. strength: h, in units of the pixels. radius: r of the patches of (2r + 1)² pixels.
    """
    from sklearn.metrics.pairwise import rbf_kernel
    from sklearn.utils import gen_batches

    chex.assert_rank(images, 4)
    margin = ((radius, radius), (radius, radius), (0, 0))
    result = np.empty_like(images)
    for number, image in enumerate(images):
        windows = sliding_window_view(np.pad(image, margin, "reflect"), (2 * radius + 1,) * 2, axis=(0, 1))
        pixels = image.reshape(-1, image.shape[-1])
        patches = windows.reshape(len(pixels), -1)
        gamma = 1 / (strength**2 * patches.shape[1])
        means = []
        for rows in gen_batches(len(pixels), max(1, BLOCK // len(pixels))):
            weights = rbf_kernel(patches[rows], patches, gamma)
            means.append(weights @ pixels / weights.sum(1, keepdims=True))
        result[number] = np.concatenate(means).reshape(image.shape)
    return result
