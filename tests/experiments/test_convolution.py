"""What the experiments on convolutional networks compute, beside their training."""

import dataclasses
import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.models.resnet import ResNet
from deeplearn.train.launch import parse
from deeplearn.train.rivals import Rivals
from deeplearn.train.trained import Trained
from experiments.convolution import alexnet, anatomy, claims, cnn, densenet_vs_resnet, family

from .pretend import pretend

DIGITS = jax.ShapeDtypeStruct((1, 8, 8, 1), jnp.float32)


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
    return Trained(net, jax.tree.unflatten(tree, leaves), jax.random.key(1))


IMAGES = np.random.default_rng(1).uniform(size=(4, 8, 8, 1)).astype(np.float32)


def test_the_layer_is_scipy_s_correlation_and_moves_with_its_image(trained):
    assert anatomy.correlation_error(trained, IMAGES) < 1e-5
    assert anatomy.equivariance_error(functools.partial(anatomy.feature_maps, trained), IMAGES) == 0


def test_the_checks_see_a_layer_that_is_another(trained, monkeypatch):
    def padded(trained, images):
        weights = trained.variables["params"]["first"]
        how = {"dimension_numbers": ("NHWC", "HWIO", "NHWC")}
        y = jax.lax.conv_general_dilated(images, weights["kernel"], (1, 1), "SAME", **how)
        return np.asarray(y + weights["bias"])

    monkeypatch.setattr(anatomy, "feature_maps", padded)  # black edges instead of edges that meet
    assert anatomy.correlation_error(trained, IMAGES) > 0.1
    assert anatomy.equivariance_error(functools.partial(padded, trained), IMAGES) > 0.1


def test_the_global_maximum_does_not_change_when_the_image_moves_and_the_map_does(trained):
    def share(pool):
        return anatomy.unchanged(lambda x: anatomy.POOLS[pool](nn.relu(anatomy.feature_maps(trained, x))), IMAGES)

    assert share("global max") == 1
    assert share("no pooling") < 0.01 < share("max 2×2")


def test_gradients_arrive_where_the_formula_of_receptive_fields_says():
    """r' = r + (k − 1)·rate·jump, jump' = stride·jump."""
    reach, jump = 1, 1
    for depth, (stride, rate) in enumerate(anatomy.STACK.values(), start=1):
        reach, jump = reach + 2 * rate * jump, jump * stride
        assert anatomy.reached(depth).any(0).sum() == reach
    assert anatomy.wrong_fields() == 0
    assert anatomy.wrong_sizes() == 0


def test_the_cnn_of_the_paper_s_size_has_the_parameters_of_a_resnet_20():
    config = parse(cnn.Config, ["--paper"])
    net = cnn.CNN(10, config.widths, config.blocks, config.bottleneck, config.dropout)
    image = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    reference = ResNet(10, (3, 3, 3), bottleneck=False, width=16, small_stem=True)
    assert size(shapes(net, image)["params"]) == size(shapes(reference, image)["params"]) == 272_474


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
    seen = jax.eval_shape(functools.partial(family.images_for, "inception_v3", "paper"), IMAGES)
    assert seen.shape == (4, 299, 299, 1)
    assert family.images_for("inception_v3", "small", IMAGES) is IMAGES
    with pytest.raises(UserError, match="did you mean resnet18"):
        family.build(parse(family.Config, ["--networks=resnet_18"]), pretend("digits"))


def test_the_heads_of_middle_layers_count_three_tenths():
    logits, label = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32), np.array([0, 1, 2, 3])

    class Model(dict):
        def make_rng(self, name):
            return jax.random.key(0)

    def loss(outputs):
        model, batch = Model(net=lambda image, train: outputs), {"image": IMAGES, "label": label}
        return float(family.classify(model, batch, "net", "small", "")[0])

    alone = [loss(jnp.asarray(one)) for one in logits]
    assert loss(tuple(map(jnp.asarray, logits))) == pytest.approx(alone[0] + 0.3 * (alone[1] + alone[2]), rel=1e-5)


def test_a_densenet_and_a_resnet_of_a_size_have_nearly_the_same_parameters():
    networks = densenet_vs_resnet.makers(densenet_vs_resnet.Config(), 10)
    sizes = {name: size(shapes(make(), DIGITS)["params"]) for name, make in networks.items()}
    for growth in densenet_vs_resnet.sizes(networks):
        assert sizes[f"densenet_{growth}"] == pytest.approx(sizes[f"resnet_{growth}"], rel=0.05)


def test_relative_norms_agree_with_finite_differences():
    """Along its own direction the loss changes by the norm of its gradient."""
    config = dataclasses.replace(densenet_vs_resnet.Config(), sizes=(2,))
    model = Rivals(densenet_vs_resnet.makers(config, 10))
    batch = {"image": IMAGES, "label": np.array([0, 1, 2, 3])}

    def logits(model, image):
        return model["densenet_2"](image)

    variables = jax.jit(functools.partial(model.init, method=logits))(jax.random.key(0), IMAGES)
    rng = np.random.default_rng(0)  # variances stay near 1, everything else near where it began
    variables = jax.tree.map(lambda x: x + rng.uniform(0, 0.3, x.shape).astype(np.float32), variables)
    norms = Trained(model, variables, jax.random.key(0))(
        densenet_vs_resnet.relative_norms, batch, network="densenet_2"
    )

    @jax.jit
    def loss(kernel):
        params = jax.tree.map(lambda x: x, variables["params"])
        params["densenet_2"]["conv0"]["kernel"] = kernel
        out = model.apply({**variables, "params": params}, IMAGES, method=logits)
        return -jax.nn.log_softmax(out)[jnp.arange(4), batch["label"]].mean()

    kernel = variables["params"]["densenet_2"]["conv0"]["kernel"]
    slopes = []
    for index in np.ndindex(kernel.shape):
        step = jnp.zeros_like(kernel).at[index].set(1e-2)
        slopes.append(float((loss(kernel + step) - loss(kernel - step)) / 2e-2))
    assert np.linalg.norm(slopes) > 1e-3
    assert float(norms["conv0"]) == pytest.approx(np.linalg.norm(slopes) / np.linalg.norm(kernel), rel=2e-2)


def test_each_claim_is_the_difference_that_it_names():
    numbers = {name: i for i, name in enumerate(claims.makers(claims.Config(), 10))}
    rows = {name: {"accuracy": 2.0**i, "steps_to_error": 3.0**i} for name, i in numbers.items()}
    a, s = ({name: row[key] for name, row in rows.items()} for key in ("accuracy", "steps_to_error"))
    assert claims.differences(rows, claims.CLAIMS) == {
        "stacked": a["base"] - a["large_kernels"],
        "batch_norm": a["base_fast"] - a["base"] - a["no_norm_fast"] + a["no_norm"],
        "global_pooling": a["base"] - a["dense_head"],
        "residuals": a["deep_residual"] - a["deep"],
        "relu": s["tanh"] - s["no_norm"],
        "augmentation": a["augmented"] - a["base"],
    }


def test_a_claim_needs_only_its_networks():
    few = dataclasses.replace(claims.Config(), claims=("relu",))
    assert set(claims.makers(few, 10)) == {"no_norm", "tanh"}
    with pytest.raises(UserError, match="no claim 'rely'"):
        claims.build(dataclasses.replace(few, claims=("rely",)), pretend("digits"))


def test_a_residual_stage_whose_pairs_are_zero_is_its_first_layer():
    """With the second and third convolution of each stage at zero the skips alone are left."""
    deep, shallow = claims.Network(10, 2, 3, residual=True), claims.Network(10, 2, 1)
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
    plain = claims.Network(10, 2, 3).apply({"params": params, "batch_stats": averages}, IMAGES)
    assert not np.allclose(plain, expected)


def test_verdicts_are_drawn_over_all_seeds():
    rows = [{"relu": 40.0 + i, "augmentation": 0.01 * math.cos(i)} for i in range(5)]
    concluded = claims.conclude(rows, ("relu", "augmentation"))
    assert concluded[claims.CLAIMS["relu"]].startswith("supported: +42 ± 0.71")
    assert concluded[claims.CLAIMS["augmentation"]].startswith("undecided")
    assert concluded["claims"].size[0] > 100
