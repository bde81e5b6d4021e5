"""Modulated convolution against kernels that are made for each example, one convolution after the other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn.modulated import ModulatedConv, modulated_convolution

from .layer_checks import assert_one_function, normal

DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def by_example(x, style, kernel, demodulate, double):
    """Karras et al. 2020, equations 1 to 3, as they stand."""
    made = []
    for image, s in zip(x, style, strict=True):
        own = s[:, None] * kernel
        if demodulate:
            own = own / jnp.sqrt((own**2).sum((0, 1, 2)) + 1e-8)
        if double:
            # Zeros between pixels; both kernels in full, and the middle of what they make.
            taps = jnp.outer(jnp.array([1, 3, 3, 1]), jnp.array([1, 3, 3, 1])) / 16
            image = jnp.zeros((2 * len(image) - 1, 2 * image.shape[1] - 1, image.shape[2])).at[::2, ::2].set(image)
            image = jax.lax.conv_general_dilated(
                image[None], own[::-1, ::-1], (1, 1), ((2, 2), (2, 2)), dimension_numbers=DIMENSIONS
            )
            blur = jnp.tile(taps[:, :, None, None], (1, 1, 1, own.shape[-1]))
            y = jax.lax.conv_general_dilated(
                image, blur, (1, 1), ((1, 1),) * 2, dimension_numbers=DIMENSIONS, feature_group_count=own.shape[-1]
            )
        else:
            y = jax.lax.conv_general_dilated(image[None], own, (1, 1), "SAME", dimension_numbers=DIMENSIONS)
        made.append(y[0])
    return jnp.stack(made)


@pytest.mark.parametrize(
    ("window", "demodulate", "double", "orders"),
    [(3, True, False, 1), (3, True, True, 2), (1, False, False, 1)],
)
def test_one_kernel_for_all_is_a_kernel_for_each(window, demodulate, double, orders):
    """Values, gradients in image, style and kernel; and gradients of their norm, as path lengths take."""
    x, style, kernel = normal(0, 2, 4, 3, 2), 1 + normal(1, 2, 2), normal(2, window, window, 2, 3)
    assert_one_function(
        lambda *args: modulated_convolution(*args, demodulate, double),
        lambda *args: by_example(*args, demodulate, double),
        *(x, style, kernel),
        orders=orders,
    )


def test_demodulation_gives_variance_one_whatever_the_style():
    x, w = normal(0, 64, 8, 8, 6), 5 * normal(1, 64, 4)
    layer = ModulatedConv(5)
    shapes = jax.eval_shape(layer.init, jax.random.key(0), x, w)
    variables = jax.tree.map(lambda leaf: normal(leaf.size, *leaf.shape), shapes)
    y = np.asarray(jax.jit(layer.apply)(variables, x, w))[:, 1:-1, 1:-1]  # at the edges a kernel meets zeros
    np.testing.assert_allclose((y**2).mean((0, 1, 2)), 1, atol=0.1)
    plain = jax.jit(ModulatedConv(5, demodulate=False).apply)(variables, x, w)
    assert np.square(plain).mean() > 5


def test_a_new_layer_s_style_is_about_one():
    w = normal(1, 1000, 16)
    variables = ModulatedConv(3).init(jax.random.key(0), np.ones((1000, 1, 1, 8), np.float32), w)
    dense = variables["params"]["EqualizedDense_0"]
    style = w @ np.asarray(dense["kernel"]) / 4 + np.asarray(dense["bias"])
    assert abs(style.mean() - 1) < 0.1 and abs(style.std() - 1) < 0.2
