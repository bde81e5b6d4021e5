"""Sizes of the convolutional networks, whose examples see each other only through batch norm."""

import functools

import jax
import numpy as np
import pytest
import scipy.special

from deeplearn.errors import UserError
from deeplearn.models.dcgan import Critic, Generator, doublings
from deeplearn.models.dense_generator import DenseGenerator


def randomised(module, *args, **static):
    generator = np.random.default_rng(1)
    shapes = jax.eval_shape(functools.partial(module.init, **static), jax.random.key(0), *args)
    return jax.tree.map(lambda leaf: generator.normal(size=leaf.shape).astype(np.float32), shapes)


@pytest.mark.parametrize(
    ("side", "expected"), [(8, (4, 1)), (14, (7, 1)), (16, (4, 2)), (28, (7, 2)), (32, (4, 3)), (64, (4, 4))]
)
def test_doublings_lead_from_four_or_seven_to_the_side(side, expected):
    assert doublings(side) == expected


@pytest.mark.parametrize("side", [0, 1, 4, 7, 12, 24, 27, 33])
def test_other_sides_are_a_sentence(side):
    with pytest.raises(UserError, match=rf"images of {side} pixels: this network makes 8, 14, 16"):
        doublings(side)


@pytest.mark.parametrize(("side", "channels", "width"), [(8, 1, 6), (28, 1, 12), (32, 3, 24)])
def test_shapes_of_generator_and_critic(side, channels, width):
    """The first layer has twice the features for each doubling after the first."""
    z = np.zeros((2, 5), np.float32)
    generator = Generator(side, channels, features=6)
    variables = jax.eval_shape(lambda: generator.init(jax.random.key(0), z, True))
    images, _ = jax.eval_shape(lambda v: generator.apply(v, z, True, mutable=["batch_stats"]), variables)
    assert images.shape == (2, side, side, channels)
    assert variables["params"]["BatchNorm_2"]["BatchNorm_0"]["scale"].shape == (width,)
    critic = Critic(features=6)
    x = np.zeros(images.shape, np.float32)
    variables = jax.eval_shape(critic.init, jax.random.key(0), x)
    assert jax.eval_shape(critic.apply, variables, x).shape == (2,)
    last = doublings(side)[1] - 1
    assert variables["params"][f"HalvingConv_{last}"]["bias"].shape == (6 * 2**last,)


def test_the_paper_s_networks_have_the_weights_of_pytorch_s_example():
    """Its dcgan with nz = 100, ngf = ndf = 64: kernels and batch norms' scales and shifts, and no other bias."""

    def counted(module, *inputs, **static):
        shapes = jax.eval_shape(functools.partial(module.init, **static), jax.random.key(0), *inputs)["params"]
        sizes = {jax.tree_util.keystr(p): leaf.size for p, leaf in jax.tree_util.tree_leaves_with_path(shapes)}
        biases = [n for name, n in sizes.items() if name.endswith("['bias']") and "BatchNorm" not in name]
        return sum(sizes.values()) - sum(biases), sorted(biases)

    generator, critic = Generator(64, 3, 64, hidden=()), Critic(64, batch_norm=True, hidden=())
    assert counted(generator, np.zeros((2, 100), np.float32), train=True) == (3_576_704, [3])
    assert counted(critic, np.zeros((2, 64, 64, 3), np.float32)) == (2_765_568, [1, 64])


def test_kernels_start_as_is_said():
    networks = (
        (Generator(16, 1, 8, (64,), 0.02), np.zeros((2, 50), np.float32)),
        (Critic(8, hidden=(64,), std=0.02), np.zeros((2, 16, 16, 1), np.float32)),
    )
    for network, x in networks:
        params = jax.jit(functools.partial(network.init, train=False))(jax.random.key(0), x)["params"]
        kernels = [k.ravel() for p, k in jax.tree_util.tree_leaves_with_path(params) if p[-1].key == "kernel"]
        assert len(kernels) == 4
        for kernel in kernels:
            assert abs(kernel.mean()) < 0.02 * 4 / kernel.size**0.5
            assert kernel.std() == pytest.approx(0.02, rel=4 / kernel.size**0.5)


def test_the_generator_makes_images_in_the_unit_interval():
    generator, z = Generator(8, 3, features=4), np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    variables = randomised(generator, z, train=True)
    images, updated = jax.jit(lambda v: generator.apply(v, z, True, mutable=["batch_stats"]))(variables)
    assert 0 <= images.min() < 0.1 and 0.9 < images.max() <= 1
    assert np.median(images.std(0)) > 1e-2  # pixels vary with the noise
    before, after = variables["batch_stats"], updated["batch_stats"]
    assert all(not np.allclose(a, b) for a, b in zip(*map(jax.tree.leaves, (before, after)), strict=True))


def test_the_dense_generator_is_its_layers():
    generator, z = (
        DenseGenerator((2, 3, 1), (4, 5)),
        np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32),
    )
    variables = randomised(generator, z, train=True)
    images, updated = jax.jit(lambda v: generator.apply(v, z, True, mutable=["batch_stats"]))(variables)
    params, h = variables["params"], z
    for layer in range(2):
        h = h @ params[f"Dense_{layer}"]["kernel"]
        norm = params[f"BatchNorm_{layer}"]["BatchNorm_0"]
        h = (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5) * norm["scale"] + norm["bias"]
        h = np.maximum(h, 0)
    h = scipy.special.expit(h @ params["Dense_2"]["kernel"] + params["Dense_2"]["bias"])
    np.testing.assert_allclose(images, h.reshape(6, 2, 3, 1), rtol=1e-4, atol=1e-5)
    before, after = variables["batch_stats"], updated["batch_stats"]
    assert all(not np.allclose(a, b) for a, b in zip(*map(jax.tree.leaves, (before, after)), strict=True))


def test_the_critic_scores_each_image_by_itself():
    critic, x = Critic(features=3), np.random.default_rng(0).normal(size=(4, 16, 16, 2)).astype(np.float32)
    variables = randomised(critic, x)
    score = jax.jit(critic.apply)
    other = x.copy()
    other[2] = 0
    before, after = np.asarray(score(variables, x)), np.asarray(score(variables, other))
    np.testing.assert_array_equal(np.delete(before, 2), np.delete(after, 2))
    assert abs(before[2] - after[2]) > 1e-2
