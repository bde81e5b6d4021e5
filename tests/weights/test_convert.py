"""The same random weights give the same logits here as in torchvision, timm and Keras (tests/golden/weights.py)."""

import gzip
import json
from pathlib import Path

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.models import alexnet, densenet, inception_v3, mobilenet, mobilenet_v2, resnet
from deeplearn.models.alexnet import AlexNet
from deeplearn.models.densenet import DenseNet
from deeplearn.models.googlenet import GoogLeNet
from deeplearn.models.inception_v3 import InceptionV3
from deeplearn.models.mobilenet import MobileNet
from deeplearn.models.mobilenet_v2 import MobileNetV2
from deeplearn.models.resnet import ResNet
from deeplearn.models.vgg import VGG
from deeplearn.models.zoo import ZOO
from deeplearn.weights import read_tensors
from deeplearn.weights.convert import convert
from deeplearn.weights.load import abstract_variables
from deeplearn.weights.names import KERAS_FORMS
from tests.weights.keras_files import keras_3_5
from tests.weights.recipe import random_images, random_tensors

GOLDEN = Path(__file__).parent.parent / "golden"
STORED = np.load(GOLDEN / "weights.npz")
HERE = Path("file")


def divided(blocks, divide):
    return tuple((features // divide, stride) for features, stride in blocks)


def divided_stages(divide):
    return tuple((t, c // divide, n, s) for t, c, n, s in MobileNetV2.stages)


NETS = {
    "alexnet torchvision": AlexNet(10, (4, 12, 24, 16, 16), 256, groups=1, lrn=False, stem=(11, 4, 2)),
    "vgg torchvision": VGG(10, ((2, 8), (1, 16)), hidden=12),
    "vgg timm": VGG(10, ((2, 8), (1, 16)), hidden=12),
    "vgg Keras": VGG(10, ((2, 4), (2, 8), (3, 16), (3, 32), (3, 32)), hidden=256),
    "googlenet torchvision": GoogLeNet(
        10, large=3, batch_norm=True, lrn=False, adaptive=True, auxiliary=False, divide=4
    ),
    "inception_v3 torchvision": InceptionV3(10, auxiliary=False, divide=4),
    "inception_v3 Keras": inception_v3.keras_form(InceptionV3(10, divide=4)),
    "resnet torchvision": ResNet(10, (1, 2, 1, 1), group_width=16),
    "resnet timm": ResNet(10, (1, 2, 1, 1), group_width=16),
    "resnet_basic torchvision": ResNet(10, (1, 2, 1, 1), bottleneck=False),
    "resnext torchvision": ResNet(10, (1, 1, 1, 1), groups=4, group_width=8),
    "resnet Keras": resnet.keras_form(ResNet(10, (1, 2, 1, 1), width=16)),
    "mobilenet_v1 timm": MobileNet(10, (4, 2), divided(MobileNet.blocks, 8)),
    "mobilenet_v1 Keras": mobilenet.keras_form(MobileNet(10, (8, 2), divided(MobileNet.blocks, 4))),
    "mobilenet_v2 torchvision": MobileNetV2(10, (4, 2), divided_stages(8), last=160),
    "mobilenet_v2 timm": MobileNetV2(10, (4, 2), divided_stages(8), last=160),
    # Keras rounds half of 24 up to 16: all widths are multiples of 8.
    "mobilenet_v2 Keras": mobilenet_v2.keras_form(
        MobileNetV2(
            10,
            (16, 2),
            tuple((t, max(16, c // 2) if c > 16 else 8, n, s) for t, c, n, s in MobileNetV2.stages),
        )
    ),
    "densenet torchvision": DenseNet(10, (2, 3, 2, 2), growth=8),
    "densenet Keras": densenet.keras_form(DenseNet(10, (2, 3, 2, 2))),
}


def case(name):
    """(network, shapes of its variables, tensors of the other library, images, logits of the other library)."""
    shapes = json.loads(bytes(STORED[f"{name}/shapes"]))
    images = random_images(int(STORED[f"{name}/side"]))
    abstract = abstract_variables(NETS[name], images.shape[1:])
    return NETS[name], abstract, random_tensors(shapes, "Keras" in name), images, STORED[f"{name}/logits"]


def test_every_stored_network_is_compared():
    assert {name.split("/")[0] for name in STORED} == set(NETS)


# Those with dozens of different convolutions take long to compile.
SLOW = ("googlenet", "inception_v3", "mobilenet_v2")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * name.startswith(SLOW)) for name in NETS]
)
def test_logits(name):
    net, abstract, tensors, images, logits = case(name)
    variables = convert(net, abstract, tensors, HERE)
    ours = np.asarray(jax.jit(net.apply)(variables, images))
    np.testing.assert_allclose(ours, logits, atol=1e-4 * max(1, np.abs(logits).max()))


FULL = json.loads(gzip.decompress((GOLDEN / "weights_full.json.gz").read_bytes()))


# A network costs seconds to trace at full size: one of each library in `make test`.
SOON = ("resnet50 torchvision", "mobilenet_v1 timm", "vgg16 Keras")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in SOON)) for name in FULL]
)
def test_names_and_shapes_at_full_size(name):
    """Every tensor of the full network finds its place, and every place its tensor. Values are bytes, for speed."""
    ours, library = name.split()
    ours = {"alexnet": "alexnet_one_tower", "googlenet": "googlenet_batch_norm"}.get(ours, ours)
    net = ZOO[ours].paper(1000)
    if library == "Keras":
        net = KERAS_FORMS.get(type(net), lambda same: same)(net)
    abstract = abstract_variables(net, (ZOO[ours].image, ZOO[ours].image, 3))
    small = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, jnp.uint8), abstract)
    tensors = {key: np.zeros((), np.uint8) + np.zeros(shape, np.uint8) for key, shape in FULL[name].items()}
    loaded = convert(net, small, tensors, HERE)
    assert jax.tree.map(jnp.shape, loaded) == jax.tree.map(jnp.shape, small)


def test_the_first_densenets_of_torchvision_had_another_dot():
    net, abstract, tensors, _, _ = case("densenet torchvision")
    old = {}
    for key, value in tensors.items():
        for part in ("norm1", "norm2", "conv1", "conv2"):
            key = key.replace(f".{part}.", f".{part[:-1]}.{part[-1]}.") if "denselayer" in key else key
        old[key] = value
    assert set(old) != set(tensors)
    chex_equal(convert(net, abstract, old, HERE), convert(net, abstract, tensors, HERE))


def chex_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_keras_numbers_go_on_within_a_session():
    """The second Inception of a session begins with conv2d_94, and one with conv2d."""
    net, abstract, tensors, _, _ = case("inception_v3 Keras")

    def renumbered(first):
        def name(key):
            layer, _, role = key.partition("/")
            kind, _, number = layer.rpartition("_")
            if layer in ("conv2d", "batch_normalization"):
                kind, number = layer, "0"
            if kind not in ("conv2d", "batch_normalization"):
                return key
            rank = int(number) - base[kind] + first
            return f"{kind}_{rank}/{role}" if rank else f"{kind}/{role}"

        return name

    def numbers(kind):
        layers = {key.split("/")[0] for key in tensors}
        return min(
            int(layer[len(kind) + 1 :] or 0)
            for layer in layers
            if layer.startswith(kind) and (layer == kind or layer[len(kind) + 1 :].isdigit())
        )

    base = {kind: numbers(kind) for kind in ("conv2d", "batch_normalization")}
    want = convert(net, abstract, tensors, HERE)
    for first in (0, 94):
        change = renumbered(first)
        chex_equal(convert(net, abstract, {change(key): x for key, x in tensors.items()}, HERE), want)


def test_features_leave_the_last_layer_out():
    net, _, tensors, images, _ = case("resnet torchvision")
    features = net.clone(classes=0)
    variables = convert(features, abstract_variables(features, images.shape[1:]), tensors, HERE)
    assert "fc" not in variables["params"]
    np.testing.assert_array_equal(
        variables["params"]["conv1"]["kernel"], tensors["conv1.weight"].transpose(2, 3, 1, 0)
    )


def test_a_head_of_another_name_is_left_out_of_features_only():
    """Keras's own users call it what they like."""
    net, abstract, tensors, images, _ = case("resnet Keras")
    renamed = {key.replace("predictions", "my_classes"): value for key, value in tensors.items()}
    features = net.clone(classes=0)
    shapes = abstract_variables(features, images.shape[1:])
    chex_equal(convert(features, shapes, renamed, HERE), convert(features, shapes, tensors, HERE))
    with pytest.raises(UserError, match=r"lacks predictions/\w+, predictions/\w+, and beyond it has my_classes"):
        convert(net, abstract, renamed, HERE)


def test_auxiliary_heads_of_a_file_are_left_out():
    net, abstract, tensors, _, _ = case("inception_v3 torchvision")
    extra = tensors | {"AuxLogits.fc.weight": np.zeros((10, 192), np.float32)}
    chex_equal(convert(net, abstract, extra, HERE), convert(net, abstract, tensors, HERE))


def without(key):
    return lambda tensors: {name: x for name, x in tensors.items() if name != key}


@pytest.mark.parametrize(
    "name, change, sentence",
    [
        ("resnet torchvision", without("layer2.0.bn2.running_var"), r"lacks layer2.0.bn2.running_var$"),
        ("resnet Keras", without("conv1_bn/moving_mean"), r"\(Keras's names\) .* lacks conv1_bn/moving_mean$"),
        (
            "resnet torchvision",
            lambda t: t | {"layer5.0.conv1.weight": 0},
            "beyond it has|has layer5.0.conv1.weight",
        ),
        (
            "resnet torchvision",
            lambda t: t | {"fc.weight": np.zeros((7, 2048))},
            r"fc.weight in file has the shape \[7, 2048\], but this ResNet wants \[10, 2048\]",
        ),
        (
            "vgg torchvision",
            lambda t: t | {"classifier.0.weight": np.zeros((12, 144))},
            r"classifier.0.weight in file has the shape \[12, 144\], but this VGG wants \[12, 64\]",
        ),
        (
            "mobilenet_v2 Keras",
            lambda t: t | {"Conv1/kernel": np.zeros((3, 3, 3, 5))},
            r"Conv1/kernel in file has the shape \[3, 3, 3, 5\], but this MobileNetV2 wants \[3, 3, 3, 16\]",
        ),
        ("densenet Keras", lambda t: {"one": 0, "two": 0}, "holds no DenseNet as torchvision or Keras writes it"),
    ],
)
def test_what_does_not_fit_is_named(name, change, sentence):
    net, abstract, tensors, _, _ = case(name)
    with pytest.raises(UserError, match=sentence):
        convert(net, abstract, change(tensors), HERE)


def test_another_depth_is_reported_in_one_short_sentence():
    _, _, tensors, images, _ = case("resnet torchvision")
    deeper = ResNet(10, (2, 2, 1, 1), group_width=16)
    with pytest.raises(UserError, match=r"lacks (layer1.1.\S+,? ){5}and 10 more$"):
        convert(deeper, abstract_variables(deeper, images.shape[1:]), tensors, HERE)


def test_the_form_must_be_the_librarys():
    """Same names and shapes, another ε: the shapes cannot show it, so the form must be given."""
    net, abstract, tensors, _, _ = case("densenet Keras")
    with pytest.raises(UserError, match=r"Keras's weights, whose DenseNet differs .* keras_form of it"):
        convert(net.clone(epsilon=1e-5), abstract, tensors, HERE)
    net, abstract, tensors, _, _ = case("mobilenet_v1 timm")
    with pytest.raises(UserError, match=r"timm's weights, whose MobileNet differs .* without keras_form"):
        convert(mobilenet.keras_form(net), abstract, tensors, HERE)


def test_another_kind_of_network_has_no_names():
    with pytest.raises(UserError, match="cannot be loaded into a Dense"):
        convert(flax.linen.Dense(3), {}, {}, HERE)


def test_two_towers_are_not_one():
    _, _, tensors, images, _ = case("alexnet torchvision")
    towers = alexnet.AlexNet(10, (4, 12, 24, 16, 16), 256, stem=(11, 4, 2))
    with pytest.raises(UserError, match=r"features.3.weight .* \[12, 4, 5, 5\], .* wants \[12, 2, 5, 5\]"):
        convert(towers, abstract_variables(towers, images.shape[1:]), tensors, HERE)


@pytest.mark.parametrize(
    "prefix",
    ["module.", "model.", "_orig_mod.", "net.", "backbone.", "module.model.", "model._orig_mod.module.encoder_q."],
)
def test_a_network_inside_another_is_found(prefix, capsys):
    """As DataParallel, torch.compile and Lightning name it; what lies beside it is left alone."""
    net, abstract, tensors, _, _ = case("resnet torchvision")
    inside = {f"{prefix}{name}": value for name, value in tensors.items()}
    inside |= {"criterion.weight": np.ones(3), "head.fc.weight": np.ones((2, 2))}
    chex_equal(convert(net, abstract, inside, HERE), convert(net, abstract, tensors, HERE))
    assert capsys.readouterr().err == ""


def test_which_of_two_networks_is_read_is_said(capsys):
    net, abstract, tensors, _, _ = case("resnet torchvision")
    both = {f"{part}.{name}": value for part in ("encoder_q", "encoder_k") for name, value in tensors.items()}
    convert(net, abstract, both, HERE)
    assert "holds the network as encoder_q.* and encoder_k.*: the first is read" in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name in NETS if "Keras" in name])
def test_keras_3_0_to_3_5_kept_no_names(name, tmp_path):
    """The same weights as in a file that has them: the order of layers is all there is."""
    net, abstract, tensors, _, _ = case(name)
    found = read_tensors(keras_3_5(tmp_path / "x.weights.h5", tensors))
    assert all(key.startswith("layers/") for key in found)
    wanted = convert(net, abstract, tensors, HERE)
    chex_equal(convert(net, abstract, found, HERE), wanted)

    def doubled(key):
        """Keras 2.13 counted each layer with weights twice."""
        layer, _, role = key.rpartition("/")
        kind, _, number = layer.rpartition("_")
        return f"{kind}_{2 * int(number)}/{role}" if number.isdigit() else key

    chex_equal(convert(net, abstract, {doubled(key): value for key, value in found.items()}, HERE), wanted)


def test_strides_are_where_the_library_has_them():
    """Version 1 has the shapes of 1.5: the names of torchvision and timm tell."""
    net, abstract, tensors, _, _ = case("resnet torchvision")
    with pytest.raises(UserError, match=r"their strides in the 3×3 .*without _v1"):
        convert(resnet.version_1(net), abstract, tensors, HERE)


def test_values_that_are_not_finite_are_not_loaded():
    net, abstract, tensors, _, _ = case("resnet torchvision")
    bad = tensors | {"layer2.0.bn1.running_var": np.full_like(tensors["layer2.0.bn1.running_var"], np.nan)}
    with pytest.raises(UserError, match=r"values of layer2.0.bn1.running_var in file are not finite"):
        convert(net, abstract, bad, HERE)
