"""The zoo: published counts at paper size by abstract evaluation, shapes and training at small size."""

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.models import densenet, googlenet, inception_v3, mobilenet, mobilenet_v2, resnet
from deeplearn.models.alexnet import AlexNet
from deeplearn.models.anatomy import anatomy
from deeplearn.models.zoo import ZOO, backbone, member
from deeplearn.train.precision import mixed_precision

COUNTS = json.loads((Path(__file__).parents[1] / "golden" / "zoo_counts.json").read_text())

# The tables of the papers, from the shapes that they state: parameters without auxiliary heads, multiply-adds.
PUBLISHED = {
    "alexnet": (60_965_224, 724_406_816),
    "alexnet_one_tower": (61_100_840, 714_188_480),
    "vgg16": (138_357_544, 15_470_264_320),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet50_v1": (25_557_032, 3_857_973_248),
    "googlenet": (6_998_552, 1_582_671_872),
    "inception_v3": (23_834_568, 5_713_216_096),
    "mobilenet_v1": (4_231_976, 568_740_352),
    "mobilenet_v2": (3_504_872, 300_774_272),
    "densenet121": (7_978_856, 2_834_161_664),
}
# In pixels, where the last feature map is made (Araujo et al. 2019 for ResNets).
RECEPTIVE_FIELDS = {
    "alexnet": ("max_pool_2", 195),
    "vgg16": ("max_pool_4", 212),
    "resnet18": ("layer4_1/bn2", 435),
    "resnet34": ("layer4_2/bn2", 899),
    "resnet50": ("layer4_2/bn3", 427),
    "resnet50_v1": ("layer4_2/bn3", 483),
}


def picture(name):
    return jax.ShapeDtypeStruct((1, ZOO[name].image, ZOO[name].image, 3), jnp.float32)


@pytest.mark.parametrize("name", sorted({*PUBLISHED, *COUNTS["torch"]}))
def test_counts_at_paper_size(name):
    table = anatomy(ZOO[name].paper(1000), picture(name))
    if name in PUBLISHED:
        assert (table.parameters, table.multiply_adds) == PUBLISHED[name]
    if name in COUNTS["torch"]:
        heads = name in ("googlenet_batch_norm", "inception_v3")  # in torch's parameters, not in this call
        assert heads or table.parameters == COUNTS["torch"][name]["parameters"]
        assert table.multiply_adds == COUNTS["torch"][name]["multiply_adds"]
    if name in COUNTS["keras"] and not name.startswith(("resnet", "inception")):  # these two differ: below
        theirs = COUNTS["keras"][name]
        assert (table.parameters, table.parameters + table.statistics) == (theirs["trainable"], theirs["total"])
    if name in RECEPTIVE_FIELDS:
        layer, size = RECEPTIVE_FIELDS[name]
        assert table[layer].receptive_field == (size, size)
        assert table[layer].stride == (32, 32)


@pytest.mark.parametrize(
    ("name", "form", "multiply_adds"),
    [
        ("inception_v3", inception_v3.keras_form, 5_713_216_096),
        ("resnet50", resnet.keras_form, 3_857_973_248),
        ("resnet101", resnet.keras_form, None),
    ],
)
def test_counts_of_the_forms_of_keras(name, form, multiply_adds):
    table = anatomy(form(ZOO[name].paper(1000)), picture(name))
    theirs = COUNTS["keras"][name]
    assert (table.parameters, table.parameters + table.statistics) == (theirs["trainable"], theirs["total"])
    assert multiply_adds in (None, table.multiply_adds)


def test_auxiliary_heads_run_in_training_and_their_weights_are_there_from_the_start():
    for name, heads, parameters in (
        ("googlenet", 2, 6_998_552 + 6_379_728),
        ("googlenet_batch_norm", 2, COUNTS["torch"]["googlenet_batch_norm"]["parameters"]),
        ("inception_v3", 1, COUNTS["torch"]["inception_v3"]["parameters"]),
    ):
        net, image = ZOO[name].paper(1000), picture(name)
        variables = jax.eval_shape(net.init, jax.random.key(0), image)
        total = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
        assert total == parameters
        logits, _ = jax.eval_shape(
            lambda v, x, net=net: net.apply(v, x, train=True, rngs={"params": jax.random.key(0)}, mutable=True),
            variables,
            image,
        )
        assert [one.shape for one in logits] == [(1, 1000)] * (1 + heads)


def test_alexnet_line_by_line():
    table = anatomy(ZOO["alexnet"].paper(1000), jax.ShapeDtypeStruct((1, 227, 227, 3), jnp.float32))
    published = {  # Krizhevsky et al. 2012, figure 2 and section 3.5
        "conv1": ((55, 55, 96), 34_944, 105_415_200, 11, 4),
        "max_pool_0": ((27, 27, 96), 0, 0, 19, 8),
        "conv2": ((27, 27, 256), 307_456, 223_948_800, 51, 8),
        "max_pool_1": ((13, 13, 256), 0, 0, 67, 16),
        "conv3": ((13, 13, 384), 885_120, 149_520_384, 99, 16),
        "conv4": ((13, 13, 384), 663_936, 112_140_288, 131, 16),
        "conv5": ((13, 13, 256), 442_624, 74_760_192, 163, 16),
        "max_pool_2": ((6, 6, 256), 0, 0, 195, 32),
        "fc6": ((4096,), 37_752_832, 37_748_736, None, None),
        "fc7": ((4096,), 16_781_312, 16_777_216, None, None),
        "fc8": ((1000,), 4_097_000, 4_096_000, None, None),
    }
    assert [layer.name for layer in table.layers] == list(published)
    for layer in table.layers:
        shape, parameters, multiply_adds, field, stride = published[layer.name]
        assert (layer.output, layer.parameters, layer.multiply_adds) == (shape, parameters, multiply_adds)
        assert layer.receptive_field == (field, field) and layer.stride == (stride, stride)


# One of each file, and both forms where there are two.
EACH = [
    *("alexnet", "alexnet_one_tower", "vgg16", "googlenet", "googlenet_batch_norm", "inception_v3", "resnet18"),
    *("resnet50", "resnext50_32x4d", "mobilenet_v1", "mobilenet_v2", "densenet121"),
]


@pytest.mark.parametrize("name", EACH)
def test_small_forms_take_small_images(name):
    for shape, classes in (((2, 8, 8, 1), 7), ((2, 28, 28, 3), 0)):
        net = member(name).small(classes)
        logits, variables = jax.eval_shape(
            lambda x, net=net: net.apply({}, x, rngs={"params": jax.random.key(0)}, mutable=True),
            jax.ShapeDtypeStruct(shape, jnp.float32),
        )
        assert len(logits) == 2 and len(logits.shape) == 2
        assert not classes or logits.shape[1] == classes
        assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) < 4e6


CHEAP = [
    ("alexnet", ZOO["alexnet"].small(5)),
    ("vgg", ZOO["vgg16"].small(5)),
    ("googlenet", googlenet.Inception((4, 4, 8, 2, 4, 4), large=3, batch_norm=True)),
    ("inception_v3", inception_v3.MixedE(64, batch_norm_scale=True, count_include_pad=False)),
    ("resnext", resnet.small(resnet.ResNet(5, (1, 1), groups=32, group_width=4))),
    ("mobilenet", mobilenet.MobileNet(5, (8, 1), ((16, 2), (16, 1)))),
    ("mobilenet_v2", mobilenet_v2.MobileNetV2(5, (8, 1), ((1, 8, 1, 1), (6, 12, 2, 2)), last=32)),
    ("densenet", densenet.DenseNet(5, (2, 2), growth=4, small_stem=True)),
]


def randomised(net, images):
    """Variables with every weight, bias and statistic away from its initial value."""
    generator = np.random.default_rng(0)

    def draw(path, leaf):
        name = path[-1].key
        if name in ("scale", "var"):
            return jnp.asarray(generator.uniform(0.5, 1.5, leaf.shape), jnp.float32)
        size = 0.1 if name in ("bias", "mean") else (2 / np.prod(leaf.shape[:-1])) ** 0.5
        return jnp.asarray(generator.normal(0, size, leaf.shape), jnp.float32)

    return jax.tree_util.tree_map_with_path(
        draw, jax.eval_shape(partial(net.init, train=False), jax.random.key(0), images)
    )


@pytest.mark.parametrize(("name", "net"), CHEAP)
def test_bfloat16_reaches_every_layer_and_the_logits_stay_near(name, net):
    images = jnp.asarray(np.random.default_rng(1).normal(size=(4, 8, 8, 1)), jnp.float32)
    variables = randomised(net, images)

    def logits(variables, precision):
        with mixed_precision(precision):
            return net.apply(variables, images, train=False)

    exact, rounded = (jax.jit(logits, static_argnums=1)(variables, name) for name in ("float32", "bfloat16"))
    assert exact.dtype == jnp.float32 and rounded.dtype == jnp.bfloat16
    assert 0 < np.abs(rounded.astype(jnp.float32) - exact).max() < 0.1 * np.abs(exact).max()
    # No product of an image or a feature map is left in float32.
    program = str(jax.make_jaxpr(lambda v: logits(v, "bfloat16"))(variables))
    products = [line for line in program.splitlines() if "conv_general_dilated" in line or "dot_general" in line]
    assert products and all(":bf16[" in line.split("=")[0] for line in products)


@pytest.mark.parametrize(("name", "net"), CHEAP)
def test_training_moves_the_averages_and_inference_does_not(name, net):
    images = jnp.asarray(np.random.default_rng(1).normal(size=(4, 8, 8, 1)), jnp.float32)
    variables = randomised(net, images)

    def updated(variables, train):
        rngs = {"params": jax.random.key(0)}
        return net.apply(variables, images, train=train, rngs=rngs, mutable=["batch_stats"])[1]

    before = variables.get("batch_stats", {})
    for train in (False, True):
        after = jax.jit(updated, static_argnums=1)(variables, train).get("batch_stats", {})
        moved = [bool((a != b).any()) for a, b in zip(*map(jax.tree.leaves, (before, after)), strict=True)]
        assert moved == [train] * len(moved)
    assert bool(before) == (name not in ("alexnet", "vgg"))


def test_the_towers_of_alexnet_meet_in_conv3_only():
    """conv2's first half of maps sees the first half of conv1's; conv3 sees both; conv4 and conv5 one again."""
    net = AlexNet(3, (4, 6, 6, 4, 4), hidden=8, stem=(5, 1, 2), pool_padding="SAME", lrn=False, paper_init=False)
    images = jnp.asarray(np.random.default_rng(2).normal(size=(1, 16, 16, 3)), jnp.float32)
    variables = randomised(net, images)

    @jax.jit
    def maps(variables):
        _, state = net.apply(variables, images, capture_intermediates=True, mutable=["intermediates"])
        return {name: outputs["__call__"][0] for name, outputs in state["intermediates"].items() if "conv" in name}

    before = maps(variables)
    for source, target, crosses in (("conv1", "conv2", False), ("conv2", "conv3", True), ("conv3", "conv4", False)):
        # What changes when only the first half of a layer's maps changes, through its biases.
        half = before[source].shape[-1] // 2
        bias = variables["params"][source]["bias"]
        params = {**variables["params"], source: {**variables["params"][source], "bias": bias.at[:half].add(3.0)}}
        change = np.abs(maps({"params": params})[target] - before[target]).sum((0, 1, 2))
        features = len(change) // 2
        assert (change[:features] > 0).any()
        assert (change[features:] > 0).any() == crosses


def test_alexnet_begins_as_the_paper_says():
    net = AlexNet(widths=(16, 32, 32, 32, 32), hidden=64, classes=10)
    params = jax.jit(net.init)(jax.random.key(0), jnp.zeros((1, 67, 67, 3)))["params"]
    for name, layer in params.items():
        ones = name in ("conv2", "conv4", "conv5", "fc6", "fc7")
        np.testing.assert_array_equal(layer["bias"], np.full(layer["bias"].shape, float(ones)))
        assert abs(layer["kernel"].std() / 0.01 - 1) < 0.1


def test_adaptive_pooling_agrees_with_the_definition():
    x = np.random.default_rng(0).normal(size=(2, 14, 9, 3)).astype(np.float32)
    pooled = googlenet.adaptive_avg_pool(jnp.asarray(x), 4)
    for i in range(4):
        for j in range(4):
            rows = slice(i * 14 // 4, int(np.ceil((i + 1) * 14 / 4)))
            columns = slice(j * 9 // 4, int(np.ceil((j + 1) * 9 / 4)))
            np.testing.assert_allclose(pooled[:, i, j], x[:, rows, columns].mean((1, 2)), rtol=1e-5, atol=1e-6)


def test_an_unknown_network_is_named():
    with pytest.raises(UserError, match="'resnet51': did you mean resnet"):
        member("resnet51")


def test_a_backbone_has_features_and_is_named():
    image = jax.ShapeDtypeStruct((2, 8, 8, 3), jnp.float32)
    for name, width in (("resnet8", 4 * 2**2), ("densenet121", None)):
        net = backbone(name, 4, 3)
        features, _ = jax.eval_shape(partial(net.init_with_output, jax.random.key(0)), image)
        assert features.ndim == 2 and features.shape[1] == (width or features.shape[1])
    with pytest.raises(UserError, match="'resnet51': did you mean resnet"):
        backbone("resnet51", 4, 3)
