"""The filter [1, 3, 3, 1] against scipy.signal."""

import numpy as np
import pytest
from scipy import signal

from deeplearn.nn.fir import blurred, doubled, halved

from .layer_checks import normal

TAPS = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def each_map(x, form):
    """`form` [h, w] -> [h', w'] of every map."""
    return np.stack([np.stack([form(m) for m in np.moveaxis(image, -1, 0)], -1) for image in x])


def test_it_blurs_within_a_frame():
    x = normal(0, 2, 6, 4, 3)
    expected = each_map(x, lambda m: signal.convolve2d(np.pad(m, (2, 1)), TAPS, mode="valid"))
    np.testing.assert_allclose(blurred(x, 2, 1, gain=4.0), 4 * expected, rtol=1e-4, atol=1e-5)


def test_halving_keeps_every_second_pixel_of_the_blurred_image():
    x = normal(0, 2, 6, 4, 3)
    expected = each_map(x, lambda m: signal.convolve2d(np.pad(m, 1), TAPS, mode="valid")[::2, ::2])
    np.testing.assert_allclose(halved(x), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="5×4 pixels cannot be halved"):
        halved(x[:, :5])


def test_doubling_is_upfirdn_along_both_axes():
    x, taps = normal(0, 2, 3, 5, 2), np.array([1, 3, 3, 1]) / 4
    rows = signal.upfirdn(taps, x, up=2, axis=1)[:, 1:7]  # without the two ends that reach out of the image
    expected = signal.upfirdn(taps, rows, up=2, axis=2)[:, :, 1:11]
    np.testing.assert_allclose(doubled(x), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(doubled(np.ones((1, 4, 4, 1), np.float32))[:, 1:-1, 1:-1], 1, rtol=1e-6)
