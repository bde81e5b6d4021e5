"""How near pictures are to those that they should be: by pixels, by structure, and as sets of patches.

The first three compare picture with picture and like means of what is possible, which are blurred; the last
compares all patches with all patches and sees blur, but not whether a picture belongs to its own truth.
"""

from __future__ import annotations

import numpy as np

from deeplearn.metrics.distances import frechet
from deeplearn.nn.checks import assert_shapes

SIGMA, RADIUS = 1.5, 5  # of the Gaussian window of SSIM, 11 pixels wide
K1, K2 = 0.01, 0.03
LEAST_ERROR = 1e-10  # squared; PSNR of equal pictures is 100 dB
PATCH, STEP = 4, 2  # pixels of a patch, and from one to the next


def compared(made: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Means over pictures [N, H, W, C] in [0, 1] of both: `l1`, `psnr`, `ssim` (from 11 pixels on), and
    `patch_distance`."""
    assert_shapes(made=(made, "batch height width channels"), truth=(truth, "batch height width channels"))
    metrics = {"l1": float(np.abs(made - truth).mean()), "psnr": float(psnr(made, truth).mean())}
    if min(truth.shape[1:3]) > 2 * RADIUS:
        metrics["ssim"] = float(ssim(made, truth).mean())
    return metrics | {"patch_distance": patch_distance(made, truth)}


def psnr(made: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each picture, [N] in dB: −10 log₁₀ of the mean squared error of [0, 1]."""
    errors = np.square(made.astype(np.float64) - truth).reshape(len(made), -1).mean(1)
    return -10 * np.log10(np.maximum(errors, LEAST_ERROR))


def ssim(made: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Structural similarity of each picture, [N] in [−1, 1] (Wang et al. 2004, equation 13).

    Gaussian windows of 11 pixels with σ = 1.5 that lie within the picture, moments divided by N, averaged over
    windows and channels. Pictures of at least 11 pixels.
    """
    from scipy.ndimage import gaussian_filter

    def mean(x: np.ndarray) -> np.ndarray:
        return gaussian_filter(x, (0, SIGMA, SIGMA, 0), radius=(0, RADIUS, RADIUS, 0))

    x, y = made.astype(np.float64), truth.astype(np.float64)
    mean_x, mean_y = mean(x), mean(y)
    variances = mean(x * x) - mean_x**2 + mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    similar = (2 * mean_x * mean_y + K1**2) * (2 * covariance + K2**2)
    similar /= (mean_x**2 + mean_y**2 + K1**2) * (variances + K2**2)
    within = slice(RADIUS, -RADIUS)
    return similar[:, within, within].mean((1, 2, 3))


def patch_distance(made: np.ndarray, real: np.ndarray) -> float:
    """Fréchet distance between the pixels of all patches of 4×4 pixels of two sets of pictures [N, H, W, C].

    Of pictures smaller than a patch the pixels of the whole.
    """

    def patches(images: np.ndarray) -> np.ndarray:
        size = tuple(min(PATCH, side) for side in images.shape[1:3])
        windows = np.lib.stride_tricks.sliding_window_view(images, size, axis=(1, 2))[:, ::STEP, ::STEP]
        rows = windows.reshape(-1, images.shape[3] * size[0] * size[1])
        return np.concatenate([rows, rows]) if len(rows) == 1 else rows  # of one there is no covariance

    return frechet(patches(made), patches(real))
