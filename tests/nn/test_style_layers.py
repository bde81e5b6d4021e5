"""AdaIN, injected noise, equalised layers and moving means, each by what defines it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn.adain import AdaIN
from deeplearn.nn.equalized import EqualizedConv, EqualizedDense
from deeplearn.nn.moving_mean import MovingMean
from deeplearn.nn.noise_injection import NoiseInjection

from .layer_checks import normal


def randomised(variables):
    return jax.tree.map(lambda leaf: normal(leaf.size, *leaf.shape), variables)


def test_the_style_sets_mean_and_deviation_of_each_map():
    x, w = 3 + 5 * normal(0, 2, 6, 5, 3), normal(1, 2, 4)
    layer = AdaIN()
    variables = randomised(layer.init(jax.random.key(0), x, w))
    y = np.asarray(layer.apply(variables, x, w))
    dense = variables["params"]["EqualizedDense_0"]
    style = w @ dense["kernel"] / 2 + dense["bias"]
    np.testing.assert_allclose(y.mean((1, 2)), style[:, 3:], atol=1e-4)
    np.testing.assert_allclose(y.std((1, 2)), np.abs(1 + style[:, :3]), rtol=1e-4)


@pytest.mark.parametrize(("each_map", "shape"), [(False, ()), (True, (3,))])
def test_noise_is_the_same_in_all_maps_of_an_image(each_map, shape):
    x = normal(0, 2, 30, 30, 3)
    layer = NoiseInjection(each_map)
    variables = layer.init(jax.random.key(0), x, jax.random.key(1))
    assert variables["params"]["strength"].shape == shape
    np.testing.assert_array_equal(layer.apply(variables, x, jax.random.key(1)), x)
    strength = np.array([2.0, -1.0, 0.5], np.float32) if each_map else np.float32(2)
    added = layer.apply({"params": {"strength": strength}}, x, jax.random.key(1)) - x
    noise = np.asarray(added / strength)
    np.testing.assert_allclose(noise, np.broadcast_to(noise[..., :1], noise.shape), atol=1e-5)
    assert abs(noise[..., 0].std() - 1) < 0.1
    assert abs(np.corrcoef(noise[0, ..., 0].ravel(), noise[1, ..., 0].ravel())[0, 1]) < 0.1


def test_an_equalised_layer_scales_its_kernel_when_it_is_used():
    x = normal(0, 5, 8)
    layer = EqualizedDense(3, multiplier=0.01, bias=2.0)
    variables = layer.init(jax.random.key(0), x)
    assert 70 < variables["params"]["kernel"].std() < 130  # 1 / .01
    kernel, bias = variables["params"]["kernel"], variables["params"]["bias"]
    np.testing.assert_allclose(layer.apply(variables, x), x @ kernel * 0.01 / np.sqrt(8) + 2, rtol=1e-4, atol=1e-5)
    moved = {"params": {"kernel": kernel, "bias": bias + 1}}
    np.testing.assert_allclose(layer.apply(moved, x) - layer.apply(variables, x), 0.01, atol=1e-5)
    image = normal(0, 1, 5, 5, 2)
    conv = EqualizedConv(4, strides=2, padding="VALID")
    variables = randomised(conv.init(jax.random.key(0), image))
    kernel, bias = variables["params"]["kernel"], variables["params"]["bias"]
    corner = np.einsum("abc,abcf->f", image[0, 2:, :3], kernel) / np.sqrt(18) + bias
    np.testing.assert_allclose(conv.apply(variables, image)[0, 1, 0], corner, rtol=1e-4)


def test_a_moving_mean_follows_without_a_gradient():
    layer, values = MovingMean(0.9), normal(0, 6, 3)
    variables = layer.init(jax.random.key(0), values, True)
    np.testing.assert_array_equal(variables["moving_mean"]["mean"], 0)
    start = {"moving_mean": {"mean": jnp.array([1.0, 2.0, 3.0])}}
    mean, updated = layer.apply(start, values, True, mutable=["moving_mean"])
    np.testing.assert_allclose(mean, 0.9 * np.array([1, 2, 3]) + 0.1 * values.mean(0), rtol=1e-5)
    np.testing.assert_array_equal(mean, updated["moving_mean"]["mean"])
    np.testing.assert_array_equal(layer.apply(start, values, False), [1, 2, 3])
    slope = jax.grad(lambda v: layer.apply(start, v, True, mutable=["moving_mean"])[0].sum())(values)
    np.testing.assert_array_equal(slope, 0)
