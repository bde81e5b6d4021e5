"""Upsampling against plain loops and against the transposed convolution that it stands for."""

import jax
import numpy as np
import pytest

from deeplearn.nn.subpixel import SubpixelConv, depth_to_space


@pytest.mark.parametrize("factor", [2, 3])
def test_depth_to_space_agrees_with_loops(factor):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, factor**2 * 5))
    expected = np.empty((2, 3 * factor, 4 * factor, 5))
    for i, j, a, b in np.ndindex(3, 4, factor, factor):
        first = 5 * (a * factor + b)
        expected[:, factor * i + a, factor * j + b] = x[:, i, j, first : first + 5]
    np.testing.assert_allclose(depth_to_space(x, factor), expected, rtol=1e-6)


@pytest.mark.parametrize("use_bias", [True, False])
def test_a_subpixel_convolution_is_a_transposed_convolution(use_bias):
    """Phase (a, b) of the output sees pixel (i + d, j + e) through entry (a − 2d + 2, b − 2e + 2) of 6×6."""
    generator = np.random.default_rng(1)
    x = generator.normal(size=(2, 4, 3, 3)).astype(np.float32)
    module = SubpixelConv(5, use_bias)
    shapes = jax.eval_shape(module.init, jax.random.key(0), x)
    variables = jax.tree.map(lambda leaf: generator.normal(size=leaf.shape).astype(np.float32), shapes)
    kernel = variables["params"]["Conv_0"]["kernel"].reshape(3, 3, 3, 2, 2, 5)
    large = np.zeros((6, 6, 3, 5), np.float32)
    for d, e, a, b in np.ndindex(3, 3, 2, 2):
        large[a - 2 * d + 4, b - 2 * e + 4] = kernel[d, e, :, a, b]
    # Its gradient's form: zeros between the pixels, the kernel turned around.
    expected = jax.lax.conv_general_dilated(
        x,
        large[::-1, ::-1],
        (1, 1),
        ((3, 3), (3, 3)),
        lhs_dilation=(2, 2),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    bias = variables["params"]["Conv_0"]["bias"].reshape(2, 2, 5) if use_bias else np.zeros((2, 2, 5))
    found = jax.jit(module.apply)(variables, x)
    np.testing.assert_allclose(found, expected + np.tile(bias, (4, 3, 1)), rtol=1e-4, atol=1e-5)
