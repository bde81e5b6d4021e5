"""The small residual network, and the plain one in which one thing at a time is changed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.cnn import CNN
from deeplearn.models.resnet import ResNet
from deeplearn.models.two_stage import TwoStage

IMAGES = np.random.default_rng(1).uniform(size=(4, 8, 8, 1)).astype(np.float32)


def size(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def shapes(net, image):
    return jax.eval_shape(functools.partial(net.init, jax.random.key(0)), image)


def test_three_stages_of_three_blocks_have_the_parameters_of_a_resnet_20():
    image = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    reference = ResNet(10, (3, 3, 3), bottleneck=False, width=16, small_stem=True)
    net = CNN(10, (16, 32, 64), blocks=3)
    assert size(shapes(net, image)["params"]) == size(shapes(reference, image)["params"]) == 272_474


def test_a_bottleneck_is_narrow_within():
    params = shapes(CNN(10, (8, 16), bottleneck=True), jax.ShapeDtypeStruct((1, 8, 8, 1), jnp.float32))["params"]
    kernels = [params["Block_1"][f"Conv_{number}"]["kernel"].shape for number in range(4)]
    assert kernels == [(1, 1, 8, 4), (3, 3, 4, 4), (1, 1, 4, 16), (1, 1, 8, 16)]


def test_a_residual_stage_whose_pairs_are_zero_is_its_first_layer():
    """With the second and third convolution of each stage at zero the skips alone are left."""
    deep, shallow = TwoStage(10, 2, 3, residual=True), TwoStage(10, 2, 1)
    variables = jax.jit(deep.init)(jax.random.key(0), IMAGES)
    params = dict(variables["params"])
    for number in (1, 2, 4, 5):
        params[f"Conv_{number}"] = jax.tree.map(jnp.zeros_like, params[f"Conv_{number}"])
    own = {
        f"{kind}_{new}": params[f"{kind}_{old}"] for kind in ("Conv", "BatchNorm") for new, old in ((0, 0), (1, 3))
    }
    averages = variables["batch_stats"]
    kept = {"BatchNorm_0": averages["BatchNorm_0"], "BatchNorm_1": averages["BatchNorm_3"]}
    expected = shallow.apply({"params": {**own, "Dense_0": params["Dense_0"]}, "batch_stats": kept}, IMAGES)
    got = deep.apply({"params": params, "batch_stats": averages}, IMAGES)
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    plain = TwoStage(10, 2, 3).apply({"params": params, "batch_stats": averages}, IMAGES)
    assert not np.allclose(plain, expected)


@pytest.mark.parametrize(
    ("change", "parameters"),
    [
        ({}, 3 * 3 * (1 * 2 + 2 * 4) + 2 * (2 + 4) + 10 * 5),
        ({"batch_norm": False}, 3 * 3 * (1 * 2 + 2 * 4) + (2 + 4) + 10 * 5),
        ({"kernel": 7}, 7 * 7 * (1 * 2 + 2 * 4) + 2 * (2 + 4) + 10 * 5),
        ({"hidden": 6}, 3 * 3 * (1 * 2 + 2 * 4) + 2 * (2 + 4) + 6 * (4 * 4 * 4 + 1) + 10 * 7),
    ],
)
def test_what_is_changed_is_what_is_asked_for(change, parameters):
    net = TwoStage(10, 2, layers=1, **change)
    assert size(shapes(net, jax.ShapeDtypeStruct((1, 8, 8, 1), jnp.float32))["params"]) == parameters


def test_without_classes_its_features_come_out():
    net = CNN(3, (2, 4))
    variables = net.init(jax.random.key(0), IMAGES)
    features, head = net.clone(classes=0).apply(variables, IMAGES), variables["params"]["Dense_0"]
    assert features.shape == (4, 4)
    np.testing.assert_allclose(net.apply(variables, IMAGES), features @ head["kernel"] + head["bias"], rtol=1e-4)
