"""Whether a convolutional layer computes the correlation that it should."""

from __future__ import annotations

import numpy as np

from deeplearn.nn.checks import assert_shapes


def correlation_error(images: np.ndarray, kernel: np.ndarray, bias: np.ndarray, maps: np.ndarray) -> float:
    """max |maps − Y| with Y(i, j, k) = Σ_c Σ_u Σ_v W(u, v, c, k) X(i + u, j + v, c) + b(k), found by SciPy.

    Images wrap around at their edges, as under padding="CIRCULAR"; u and v count from the middle of the window.

    Args:
        images: [N, H, W, C]. kernel: [height, width, C, features], both odd. bias: [features].
        maps: [N, H, W, features], the layer's output.
    """
    from scipy.signal import correlate2d

    assert_shapes(
        images=(images, "batch height width channels"),
        kernel=(kernel, "rows columns channels features"),
        bias=(bias, "features"),
        maps=(maps, "batch height width features"),
    )
    expected = np.zeros((*images.shape[:3], len(bias))) + bias
    for n, c, k in np.ndindex(len(images), images.shape[-1], len(bias)):
        expected[n, :, :, k] += correlate2d(images[n, :, :, c], kernel[:, :, c, k], mode="same", boundary="wrap")
    return float(np.abs(maps - expected).max())
