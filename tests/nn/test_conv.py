"""The convolution against Flax's own, in value, gradient and second derivative."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn.conv import Conv


@pytest.mark.parametrize(
    "how",
    [
        {"kernel_size": (1, 1)},
        {"kernel_size": (1, 1), "strides": 2},
        {"kernel_size": (1, 1), "strides": (1, 3), "padding": 0},
        {"kernel_size": (1, 1), "strides": 2, "padding": 1},
        {"kernel_size": (1, 1), "feature_group_count": 2},
        {"kernel_size": (3, 3)},
        {"kernel_size": (3, 3), "strides": 2},
        {"kernel_size": (3, 2), "strides": (3, 2), "padding": "VALID"},
        {"kernel_size": (2, 3), "padding": ((0, 2), (1, 0))},
        {"kernel_size": (3, 3), "padding": "CIRCULAR"},
        {"kernel_size": (3, 3), "kernel_dilation": 2},
        {"kernel_size": (4, 4), "strides": 2},
    ],
)
@pytest.mark.parametrize("size", [(7, 5), pytest.param((53, 48), marks=pytest.mark.slow)])
def test_value_and_gradients_are_those_of_flax(how, size):
    keys = jax.random.split(jax.random.key(0), 4)
    x = jax.random.normal(keys[0], (3, *size, 8))
    ours, flax = Conv(10, **how), nn.Conv(10, **how)
    shapes = jax.eval_shape(flax.init, keys[1], x)
    variables = jax.tree.map(lambda s: jax.random.normal(keys[2], s.shape), shapes)

    def penalty(layer, variables, x):
        slopes = jax.grad(lambda x: jnp.sin(layer.apply(variables, x)).sum())(x)
        return (slopes**2).sum(), layer.apply(variables, x)

    results = [
        jax.value_and_grad(penalty, argnums=(1, 2), has_aux=True)(layer, variables, x) for layer in (ours, flax)
    ]
    scales = jax.tree.map(lambda leaf: np.abs(leaf).max(), results[1])
    one, other = (jax.tree.map(jnp.divide, result, scales) for result in results)
    chex.assert_trees_all_close(one, other, rtol=1e-4, atol=1e-4)


def test_on_cpu_only_products_make_the_kernel_s_gradient_and_a_1x1_window():
    """Of the compiled program, which is what is fast or slow."""
    x = jnp.ones((1, 40, 40, 8))
    for size, convolutions in ((1, 0), (3, 1), (4, 2)):
        layer = Conv(8, (size, size), strides=2)
        variables = layer.init(jax.random.key(0), x)
        gradient = jax.grad(lambda v, layer=layer: layer.apply(v, x).sum() ** 2)
        program = jax.jit(gradient).lower(variables).compile().as_text()
        assert program.count(" convolution(") == convolutions, size


@pytest.mark.parametrize("size", [1, 3, 4])
def test_all_its_products_have_the_precision_asked_for(size):
    """In the program for any machine: on a CPU all precisions are one."""
    layer, x = Conv(8, (size, size), precision="highest"), jax.ShapeDtypeStruct((1, 40, 40, 8), jnp.float32)
    variables = jax.eval_shape(layer.init, jax.random.key(0), x)
    slopes = jax.grad(lambda v, x: layer.apply(v, x).sum(), (0, 1))
    text = jax.jit(slopes).trace(variables, x).lower(lowering_platforms=("cpu", "cuda")).as_text()
    assert "HIGHEST" in text and "DEFAULT" not in text


def test_an_image_without_room_for_a_window_is_told():
    layer = Conv(1, (3, 3), padding="VALID")
    assert layer.init_with_output(jax.random.key(0), jnp.ones((1, 3, 4, 1)))[0].shape == (1, 1, 2, 1)
    with pytest.raises(AssertionError, match=r"2 pixel.* smaller than a window of 3"):
        layer.init(jax.random.key(0), jnp.ones((1, 2, 4, 1)))
