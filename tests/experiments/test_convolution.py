"""What the experiments on convolutional networks compute outside of training."""

import dataclasses
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn import train as dl
from deeplearn.errors import UserError
from deeplearn.metrics.correlation import correlation_error
from deeplearn.metrics.translation import equivariance_error, unchanged
from deeplearn.models.densenet import DenseNet
from deeplearn.models.support import receptive_fields
from deeplearn.train.launch import parse
from experiments.convolution import alexnet, anatomy, claims, cnn, densenet_vs_resnet, family

from .pretend import pretend

DIGITS = jax.ShapeDtypeStruct((1, 8, 8, 1), jnp.float32)
IMAGES = np.random.default_rng(1).uniform(size=(4, 8, 8, 1)).astype(np.float32)


def size(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def shapes(net, image):
    return jax.eval_shape(functools.partial(net.init, jax.random.key(0)), image)


@pytest.fixture(name="trained", scope="module")
def a_small_network_with_any_weights():
    net = anatomy.SmallNetwork(10, 3, 3)
    variables = jax.jit(net.init)(jax.random.key(0), np.zeros((1, 8, 8, 1), np.float32))
    leaves, tree = jax.tree.flatten(variables)
    rng = np.random.default_rng(0)
    leaves = [rng.normal(size=leaf.shape).astype(np.float32) for leaf in leaves]
    config = dataclasses.replace(anatomy.Config(), features=3)
    return dl.Trained(net, jax.tree.unflatten(tree, leaves), jax.random.key(1), config)


def maps(trained, images):
    return np.asarray(trained(anatomy.SmallNetwork.convolve, images))


def test_the_layer_is_scipy_s_correlation_and_moves_with_its_image(trained):
    first = jax.tree.map(np.asarray, trained.variables["params"]["first"])
    assert correlation_error(IMAGES, first["kernel"], first["bias"], maps(trained, IMAGES)) < 1e-5
    assert equivariance_error(functools.partial(maps, trained), IMAGES) == 0


def test_the_global_maximum_does_not_change_when_the_image_moves_and_the_map_does(trained):
    def fraction(pool):
        return unchanged(lambda x: anatomy.POOLS[pool](nn.relu(maps(trained, x))), IMAGES)

    assert fraction("global max") == 1
    assert fraction("no pooling") < 0.01 < fraction("max 2×2")


def test_sizes_and_fields_are_as_their_formulas_say_and_a_field_that_is_not_is_seen():
    fields = receptive_fields(tuple(anatomy.STACK.values()), anatomy.SIDE)
    assert anatomy.wrong_sizes() == anatomy.wrong_fields(fields) == 0
    assert anatomy.wrong_fields([fields[1], *fields[1:]]) == 1


def test_sharing_saves_parameters_and_locality_multiply_adds(trained):
    rows = anatomy.baselines(trained, pretend("digits"))
    shared, alone, dense = (dict(row().metrics) for name, row in rows.items() if name.startswith("first layer"))
    assert shared == {"parameters": 3 * 10, "multiply_adds": 64 * 3 * 9}
    assert alone == {"parameters": 64 * 3 * 10, "multiply_adds": 64 * 3 * 9}
    assert dense == {"parameters": 64 * 3 * 65, "multiply_adds": 64 * 3 * 64}
    assert rows["16 to 16: ordinary 3×3"]().metrics["parameters"] == 16 * (16 * 9 + 1)


def test_images_that_are_too_small_for_the_stages_end_in_a_sentence():
    config = parse(cnn.Config, ["--widths=2,2,2,2,2"])
    with pytest.raises(UserError, match="fewer --widths"):
        cnn.build(config, pretend("digits"))


def test_the_paper_s_alexnet_has_the_published_counts():
    config = parse(alexnet.Config, ["--paper"])
    model = alexnet.build(config, pretend("cifar10")).model
    parameters = size(shapes(model, jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32))["params"])
    assert parameters == 60_965_224 - 4_097_000 + 10 * 4097  # with ten classes instead of a thousand
    table = alexnet.layers(alexnet.alexnet(), alexnet.PIXELS, 3)
    assert "60,965,224" in table and "724,406,816" in table


def test_members_of_the_family_see_images_of_their_size():
    assert family.make("inception_v3", "paper", 10).side == 299
    assert family.make("inception_v3", "small", 10).side == 0
    with pytest.raises(UserError, match="did you mean resnet18"):
        family.build(parse(family.Config, ["--networks=resnet_18"]), pretend("digits"))


def test_the_heads_of_middle_layers_count_three_tenths():
    logits, label = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32), np.array([0, 1, 2, 3])

    class Model:
        def __init__(self, outputs):
            self.outputs = outputs

        def __call__(self, image, train):
            return self.outputs

        def make_rng(self, name):
            return jax.random.key(0)

    def loss(outputs):
        return float(family.classify(Model(outputs), {"image": IMAGES, "label": label}, "")[0])

    alone = [loss(jnp.asarray(one)) for one in logits]
    assert loss(tuple(map(jnp.asarray, logits))) == pytest.approx(alone[0] + 0.3 * (alone[1] + alone[2]), rel=1e-5)


def test_the_family_s_own_row_is_chosen_on_validation_and_not_on_test():
    rows = {
        "best_on_test": {"accuracy": 0.9, "validation_accuracy": 0.7},
        "best_on_validation": {"accuracy": 0.8, "validation_accuracy": 0.75},
        "as_good_but_later": {"accuracy": 1.0, "validation_accuracy": 0.75},
    }
    found = family.choose(rows)
    assert found[dl.OURS].metrics == rows["best_on_validation"]
    assert [found[name].metrics["chosen"] for name in rows] == [0, 1, 0]


def test_a_densenet_and_a_resnet_of_a_size_have_nearly_the_same_parameters():
    config = densenet_vs_resnet.Config()
    sizes = {
        name: size(shapes(net, DIGITS)["params"]) for name, net in densenet_vs_resnet.networks(config, 10).items()
    }
    for growth in config.sizes:
        assert sizes[f"densenet_{growth}"] == pytest.approx(sizes[f"resnet_{growth}"], rel=0.05)


def test_gradient_norms_agree_with_finite_differences():
    """Along its own direction the loss changes by the norm of its gradient."""
    net = DenseNet(10, (2, 2, 2), 2, small_stem=True)
    batch = {"image": IMAGES, "label": np.array([0, 1, 2, 3])}
    variables = jax.jit(net.init)(jax.random.key(0), IMAGES)
    rng = np.random.default_rng(0)  # variances stay near 1, everything else near where it began
    variables = jax.tree.map(lambda x: x + rng.uniform(0, 0.3, x.shape).astype(np.float32), variables)
    norms = dl.Trained(net, variables, jax.random.key(0))(densenet_vs_resnet.gradient_norms, batch)

    @jax.jit
    def loss(kernel):
        params = jax.tree.map(lambda x: x, variables["params"])
        params["conv0"]["kernel"] = kernel
        out = net.apply({**variables, "params": params}, IMAGES)
        return -jax.nn.log_softmax(out)[jnp.arange(4), batch["label"]].mean()

    kernel = variables["params"]["conv0"]["kernel"]
    slopes = []
    for index in np.ndindex(kernel.shape):
        step = jnp.zeros_like(kernel).at[index].set(1e-2)
        slopes.append(float((loss(kernel + step) - loss(kernel - step)) / 2e-2))
    assert np.linalg.norm(slopes) > 1e-3
    assert float(norms["conv0"]) == pytest.approx(np.linalg.norm(slopes) / np.linalg.norm(kernel), rel=2e-2)


def rows_of_claims():
    """{network: row} with another number in each."""
    names = claims.networks(claims.Config(), 10)
    return {
        name: dl.Measured({"accuracy": 2.0**i, "steps_to_error": 3.0**i}, {"error": i})
        for i, name in enumerate(names)
    }


def test_each_claim_is_the_difference_that_it_names():
    rows = rows_of_claims()
    a, s = ({name: row.metrics[key] for name, row in rows.items()} for key in ("accuracy", "steps_to_error"))
    found = claims.compared(rows, tuple(claims.CLAIMS))
    assert found[dl.OURS].metrics == {
        "stacked": a["base"] - a["large_kernels"],
        "batch_norm": (a["base_fast"] - a["base"]) - (a["no_norm_fast"] - a["no_norm"]),
        "global_pooling": a["base"] - a["dense_head"],
        "residuals": a["deep_residual"] - a["deep"],
        "relu": s["tanh"] - s["no_norm"],
        "augmentation": a["augmented"] - a["base"],
    }
    assert found["base_fast"].metrics["accuracy_change"] == a["base_fast"] - a["base"]
    assert found["base_fast"].arrays == rows["base_fast"].arrays and found["base"] is rows["base"]


def test_a_claim_needs_only_its_networks():
    few = dataclasses.replace(claims.Config(), claims=("relu",))
    assert set(claims.networks(few, 10)) == {"no_norm", "tanh"}
    for name, claim in claims.CLAIMS.items():
        networks = claims.networks(dataclasses.replace(few, claims=(name,)), 10)
        assert {claim.better, claim.than} <= set(networks)
        assert {claims.SLOW[fast] for fast in claims.SLOW if fast in networks} <= set(networks)
    with pytest.raises(UserError, match="no claim 'rely'"):
        claims.build(dataclasses.replace(few, claims=("rely",)), pretend("digits"))


def test_networks_see_few_images_and_the_fast_ones_a_rate_30_times_as_high():
    config = dataclasses.replace(claims.Config(), claims=("batch_norm",), examples=40)
    experiment = claims.build(config, pretend("digits"))
    assert len(experiment.data.train) == 40 and len(experiment.data.test) == 96
    (stage,) = experiment.stages
    weights, slope = {"w": jnp.ones(1)}, {"w": jnp.full(1, 0.5)}
    moved = {}
    for name in experiment.rivals:
        chain = stage.optimizer((name,))
        moved[name] = float(chain.update(slope, chain.init(weights), weights)[0]["w"][0])
    assert moved == pytest.approx({"base": -0.015, "base_fast": -0.45, "no_norm": -0.015, "no_norm_fast": -0.45})
