"""PacGAN's networks beside their layers in numpy, and at the size of the released code."""

import importlib

import jax
import numpy as np
import pytest

from deeplearn.models.pacgan import MaxoutCritic, NormedMLP
from deeplearn.train.flags import parse
from tests.experiments.pretend import pretend

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


def randomised(module, *args):
    generator = np.random.default_rng(1)
    shapes = jax.eval_shape(module.init, jax.random.key(0), *args)
    return jax.tree.map(lambda leaf: generator.normal(size=leaf.shape).astype(np.float32), shapes)


def test_a_maxout_unit_is_the_largest_of_its_pieces():
    module = MaxoutCritic((4,), pieces=3)
    variables = randomised(module, X)
    first, last = (variables["params"][f"Dense_{n}"] for n in (0, 1))
    pieces = X @ first["kernel"] + first["bias"]
    units = np.stack([pieces[:, 3 * unit : 3 * unit + 3].max(1) for unit in range(4)], 1)
    expected = (units @ last["kernel"] + last["bias"])[:, 0]
    np.testing.assert_allclose(module.apply(variables, X), expected, rtol=1e-4, atol=1e-5)


def test_the_generator_norms_each_hidden_layer_and_not_the_last():
    module = NormedMLP((4,), 2)
    variables = randomised(module, X)
    made, _ = module.apply(variables, X, True, mutable=["batch_stats"])
    params = variables["params"]
    norm = params["BatchNorm_0"]["BatchNorm_0"]
    h = X @ params["Dense_0"]["kernel"]
    h = np.maximum((h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5) * norm["scale"] + norm["bias"], 0)
    expected = h @ params["Dense_1"]["kernel"] + params["Dense_1"]["bias"]
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("packing", [1, 4])
def test_the_paper_s_networks_have_the_layers_of_the_released_code(packing):
    """Generator: 2-400-400-400-400-2 without biases but the last, scale and shift of four batch norms.
    Discriminator: three maxout layers of 200 units of five pieces, and a linear one."""
    page = importlib.import_module("experiments.adversarial.gan")
    config = parse(page.Config, ["--paper", f"--packing={packing}"])
    model = config.system(pretend("mixture/grid"))
    generator, critic = model.generator, model.discriminator.network.network
    z, points = np.zeros((4, config.latents), np.float32), np.zeros((4, 2 * packing), np.float32)

    def count(module, x):
        params = jax.eval_shape(module.init, jax.random.key(0), x)["params"]
        return sum(leaf.size for leaf in jax.tree.leaves(params))

    assert count(generator, z) == 2 * 400 + 3 * 400 * 400 + 4 * 2 * 400 + 400 * 2 + 2
    assert count(critic, points) == (2 * packing + 1) * 1000 + 2 * (200 + 1) * 1000 + 201
    assert (config.steps, config.beta1, config.learning_rate, model.scale) == (400_000, 0.8, 1e-4, 1.0)
