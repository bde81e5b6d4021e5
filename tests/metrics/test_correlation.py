"""A layer beside SciPy's correlation."""

import jax
import numpy as np

from deeplearn.metrics.correlation import correlation_error

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(3, 8, 7, 2)).astype(np.float32)
KERNEL, BIAS = RNG.normal(size=(3, 5, 2, 4)).astype(np.float32), RNG.normal(size=4).astype(np.float32)
HOW = {"dimension_numbers": ("NHWC", "HWIO", "NHWC")}


def test_a_convolution_whose_edges_meet_is_the_correlation():
    around = np.pad(IMAGES, ((0, 0), (1, 1), (2, 2), (0, 0)), mode="wrap")
    maps = np.asarray(jax.lax.conv_general_dilated(around, KERNEL, (1, 1), "VALID", **HOW)) + BIAS
    assert correlation_error(IMAGES, KERNEL, BIAS, maps) < 1e-5
    assert correlation_error(IMAGES, KERNEL, BIAS + 0.5, maps) > 0.4


def test_black_edges_are_seen():
    maps = np.asarray(jax.lax.conv_general_dilated(IMAGES, KERNEL, (1, 1), "SAME", **HOW)) + BIAS
    assert correlation_error(IMAGES, KERNEL, BIAS, maps) > 0.1
