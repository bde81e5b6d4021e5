"""Denoisers: their shapes, their start at zero, and what their output depends on."""

import jax
import numpy as np
import pytest

from deeplearn.models.denoiser import DenoisingMLP, ResidualBlock, UNet, level_features, resolutions

generator = np.random.default_rng(0)
NETWORKS = {
    "unet": (UNet((8, 16), classes=3), generator.normal(size=(3, 8, 4, 2)).astype(np.float32)),
    "mlp": (DenoisingMLP(16, 2, classes=3), generator.normal(size=(3, 2)).astype(np.float32)),
}
RATIO, LABEL = np.array([0.1, 1.0, 10.0], np.float32), np.array([0, 1, 3], np.int32)  # 3: no label


def randomised(module, *args):
    generator = np.random.default_rng(1)
    shapes = jax.eval_shape(module.init, jax.random.key(0), *args)
    return jax.tree.map(lambda leaf: generator.normal(scale=0.3, size=leaf.shape).astype(np.float32), shapes)


@pytest.fixture(name="network", params=list(NETWORKS), scope="module")
def network_with_random_weights(request):
    """(function of x, ratio and label, x)"""
    module, x = NETWORKS[request.param]
    variables, apply = randomised(module, x, RATIO, LABEL), jax.jit(module.apply)
    return lambda *args: np.asarray(apply(variables, *args)), x


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_fresh_network_says_nothing(name):
    """Its last layer starts at zero. The others are random here, and what is not needed is not compiled."""
    module, x = NETWORKS[name]
    variables = randomised(module, x, RATIO, LABEL)
    last = {"unet": "Conv_3", "mlp": "Dense_3"}[name]
    fresh = jax.jit(lambda key: module.init(key, x, RATIO, LABEL)["params"][last])(jax.random.key(0))
    assert jax.jit(module.apply)(variables, x, RATIO, LABEL).any()
    variables["params"][last] = fresh
    assert not jax.jit(module.apply)(variables, x, RATIO, LABEL).any()


def test_a_fresh_residual_block_is_its_skip_connection():
    module, condition = ResidualBlock(8), generator.normal(size=(3, 5)).astype(np.float32)
    x = generator.normal(size=(3, 4, 4, 8)).astype(np.float32)
    variables = randomised(module, x, condition)
    variables["params"]["Conv_1"] = jax.jit(lambda key: module.init(key, x, condition)["params"]["Conv_1"])(
        jax.random.key(0)
    )
    np.testing.assert_array_equal(jax.jit(module.apply)(variables, x, condition), x)


def changed(before, after):
    return [not np.array_equal(one, other) for one, other in zip(before, after, strict=True)]


def test_each_example_depends_on_itself_alone(network):
    function, x = network
    before = function(x, RATIO, LABEL)
    assert before.shape == x.shape
    other = x.copy()
    other[1] += 1
    assert changed(before, function(other, RATIO, LABEL)) == [False, True, False]


def test_noise_level_and_label_of_an_example_change_its_output(network):
    function, x = network
    before = function(x, RATIO, LABEL)
    after = function(x, RATIO * np.array([1, 1.5, 1], np.float32), LABEL)
    assert changed(before, after) == [False, True, False] and np.abs(after - before).max() > 1e-2
    after = function(x, RATIO, np.array([0, 1, 2], np.int32))
    assert changed(before, after) == [False, False, True] and np.abs(after - before).max() > 1e-2


def test_without_classes_the_label_is_ignored():
    for module, x in ((UNet((8,)), NETWORKS["unet"][1]), (DenoisingMLP(16, 1), NETWORKS["mlp"][1])):
        shapes = jax.eval_shape(module.init, jax.random.key(0), x, RATIO, LABEL)
        assert not any(
            "Embed" in jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(shapes)
        )


def test_level_features_are_waves_of_the_logarithm():
    found = level_features(RATIO, 6)
    angles = np.log(RATIO)[:, None] * np.array([0.1, 1.0, 10.0])
    np.testing.assert_allclose(found, np.concatenate([np.sin(angles), np.cos(angles)], -1), atol=1e-5)


@pytest.mark.parametrize(("widths", "shape"), [((8,), (2, 5, 5, 1)), ((8, 16, 24), (2, 12, 8, 3))])
def test_a_u_net_of_any_depth_keeps_the_shape(widths, shape):
    module, x = UNet(widths), np.zeros(shape, np.float32)
    variables = jax.eval_shape(module.init, jax.random.key(0), x, RATIO[:2], LABEL[:2])
    assert jax.eval_shape(module.apply, variables, x, RATIO[:2], LABEL[:2]).shape == shape


@pytest.mark.parametrize("sides, count", [((8, 8), 2), ((28, 28), 3), ((32, 32), 4), ((28, 8), 2), ((9, 9), 1)])
def test_images_are_halved_until_blocks_see_the_whole(sides, count):
    assert resolutions(*sides) == count


def test_the_label_shows_a_u_net_where_its_strokes_are():
    """Without position a constant image and a condition give the same output away from the borders."""
    module, x = UNet((8, 8), classes=3), np.zeros((2, 24, 24, 1), np.float32)
    label = np.array([0, 1], np.int32)
    variables = randomised(module, x, RATIO[:2], label)
    output = np.asarray(jax.jit(module.apply)(variables, x, RATIO[:2], label))
    assert output[:, 10:14, 10:14].std(axis=(1, 2)).min() > 1e-2


def test_a_u_net_with_waves_sees_the_same_in_pixels_one_wave_apart():
    """Without the pixels themselves it would not tell them apart, so the weights of those are zero here."""
    module, x = UNet((8,), waves=(2 * np.pi,)), NETWORKS["unet"][1]
    variables = randomised(module, x, RATIO, LABEL)
    kernel = variables["params"]["Conv_0"]["kernel"]
    assert kernel.shape[2] == 3 * x.shape[-1]  # themselves, sines, cosines
    kernel[:, :, : x.shape[-1]] = 0
    apply = jax.jit(module.apply)
    before = apply(variables, x, RATIO, LABEL)
    np.testing.assert_allclose(apply(variables, x + 1, RATIO, LABEL), before, atol=1e-2)
    assert np.abs(apply(variables, x + 0.5, RATIO, LABEL) - before).max() > 0.1
