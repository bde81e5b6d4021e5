"""The names of our networks' layers in torchvision, timm and Keras applications.

A layer of ours is the path of its module, as in layer1_0/conv1. Every function here takes a network and such a path
and returns the layer's name in the library; role and layout of the tensors are `convert`'s.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable
from typing import Any

from deeplearn.models import densenet, inception_v3, mobilenet, mobilenet_v2, resnet
from deeplearn.models.alexnet import AlexNet
from deeplearn.models.cnn import CNN
from deeplearn.models.densenet import DenseNet
from deeplearn.models.googlenet import GoogLeNet
from deeplearn.models.inception_v3 import InceptionV3
from deeplearn.models.mobilenet import MobileNet
from deeplearn.models.mobilenet_v2 import MobileNetV2
from deeplearn.models.resnet import ResNet
from deeplearn.models.vgg import VGG
from deeplearn.weights.keras_file import NUMBERED
from deeplearn.weights.keras_numbers import keras_number


@dataclasses.dataclass(frozen=True)
class Naming:
    """One library's names. `spare` matches layers that a file may have and a network may lack: auxiliary heads."""

    library: str
    layer: Callable[[Any, str], str]
    spare: str = "$^"


def _dotted(net: Any, layer: str) -> str:
    return layer.replace("/", ".")


def _dotted_numbers(net: Any, layer: str) -> str:
    """layer1_0/downsample_1 is layer1.0.downsample.1."""
    return re.sub(r"_(?=\d+(/|$))", ".", layer).replace("/", ".")


def _torch_densenet(net: DenseNet, layer: str) -> str:
    return layer if layer == "classifier" else "features." + layer.replace("_", ".").replace("/", ".")


def _keras_resnet(net: ResNet, layer: str) -> str:
    if layer == "fc":
        return "predictions"
    if layer in ("conv1", "bn1"):
        return {"conv1": "conv1_conv", "bn1": "conv1_bn"}[layer]
    stage, index, part = re.fullmatch(r"layer(\d)_(\d+)/(\w+)", layer).groups()  # type: ignore[union-attr]
    names = {"downsample_0": "0_conv", "downsample_1": "0_bn"}
    kind = names.get(part) or f"{part[-1]}_{part[:-1]}"  # conv2 -> 2_conv
    return f"conv{int(stage) + 1}_block{int(index) + 1}_{kind}"


def _keras_densenet(net: DenseNet, layer: str) -> str:
    fixed = {"conv0": "conv1_conv", "norm0": "conv1_bn", "norm5": "bn", "classifier": "predictions"}
    if layer in fixed:
        return fixed[layer]
    if match := re.fullmatch(r"transition(\d)/(norm|conv)", layer):
        return f"pool{int(match[1]) + 1}_{'bn' if match[2] == 'norm' else 'conv'}"
    block, index, part = re.fullmatch(r"denseblock(\d)_denselayer(\d+)/(\w+)", layer).groups()  # type: ignore[union-attr]
    kind = {"norm1": "0_bn", "conv1": "1_conv", "norm2": "1_bn", "conv2": "2_conv"}[part]
    return f"conv{int(block) + 1}_block{index}_{kind}"


def _torch_vgg_features(net: VGG, layer: str) -> str:
    stage, index = map(int, re.fullmatch(r"conv(\d+)_(\d+)", layer).groups())  # type: ignore[union-attr]
    # A convolution and a ReLU each, and a pooling at the end of each stage.
    before = sum(2 * depth + 1 for depth, _ in net.stages[: stage - 1])
    return f"features.{before + 2 * (index - 1)}"


def _torchvision_vgg(net: VGG, layer: str) -> str:
    dense = {"fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6"}
    return dense.get(layer) or _torch_vgg_features(net, layer)


def _timm_vgg(net: VGG, layer: str) -> str:
    dense = {"fc6": "pre_logits.fc1", "fc7": "pre_logits.fc2", "fc8": "head.fc"}
    return dense.get(layer) or _torch_vgg_features(net, layer)


def _keras_vgg(net: VGG, layer: str) -> str:
    dense = {"fc6": "fc1", "fc7": "fc2", "fc8": "predictions"}
    return dense.get(layer) or re.sub(r"conv(\d+)_(\d+)", r"block\1_conv\2", layer)


def _torchvision_alexnet(net: AlexNet, layer: str) -> str:
    features = {"conv1": 0, "conv2": 3, "conv3": 6, "conv4": 8, "conv5": 10}
    if layer in features:
        return f"features.{features[layer]}"
    return {"fc6": "classifier.1", "fc7": "classifier.4", "fc8": "classifier.6"}[layer]


def _staged(strides: list[int]) -> list[str]:
    """timm's blocks.STAGE.INDEX for a sequence of blocks, in which each stride of 2 begins a stage."""
    names, stage, index = [], -1, 0
    for number, stride in enumerate(strides):
        stage, index = (stage + 1, 0) if number == 0 or stride == 2 else (stage, index + 1)
        names.append(f"blocks.{stage}.{index}")
    return names


def _timm_mobilenet(net: MobileNet, layer: str) -> str:
    fixed = {"conv1": "conv_stem", "bn1": "bn1", "fc": "classifier"}
    if layer in fixed:
        return fixed[layer]
    number, part = re.fullmatch(r"block(\d+)/(\w+)", layer).groups()  # type: ignore[union-attr]
    return f"{_staged([stride for _, stride in net.blocks])[int(number) - 1]}.{part}"


def _keras_mobilenet(net: MobileNet, layer: str) -> str:
    fixed = {"conv1": "conv1", "bn1": "conv1_bn", "fc": "conv_preds"}
    if layer in fixed:
        return fixed[layer]
    number, part = re.fullmatch(r"block(\d+)/(\w+)", layer).groups()  # type: ignore[union-attr]
    names = {"conv_dw": "conv_dw_{}", "bn1": "conv_dw_{}_bn", "conv_pw": "conv_pw_{}", "bn2": "conv_pw_{}_bn"}
    return names[part].format(number)


def _mobilenet_v2_block(layer: str) -> tuple[int, str]:
    number, part = re.fullmatch(r"block(\d+)/(\w+)", layer).groups()  # type: ignore[union-attr]
    return int(number), part


def _expansions(net: MobileNetV2) -> list[int]:
    return [expansion for expansion, _, repeats, _ in net.stages for _ in range(repeats)]


def _torchvision_mobilenet_v2(net: MobileNetV2, layer: str) -> str:
    last = len(_expansions(net)) + 1
    fixed = {"conv1": "features.0.0", "bn1": "features.0.1", "fc": "classifier.1"}
    fixed |= {"conv_last": f"features.{last}.0", "bn_last": f"features.{last}.1"}
    if layer in fixed:
        return fixed[layer]
    number, part = _mobilenet_v2_block(layer)
    parts = {"expand": "0.0", "expand_bn": "0.1", "depthwise": "1.0", "depthwise_bn": "1.1"}
    parts |= {"project": "2", "project_bn": "3"}
    if _expansions(net)[number - 1] == 1:
        parts = {"depthwise": "0.0", "depthwise_bn": "0.1", "project": "1", "project_bn": "2"}
    return f"features.{number}.conv.{parts[part]}"


def _timm_mobilenet_v2(net: MobileNetV2, layer: str) -> str:
    fixed = {"conv1": "conv_stem", "bn1": "bn1", "fc": "classifier", "conv_last": "conv_head", "bn_last": "bn2"}
    if layer in fixed:
        return fixed[layer]
    number, part = _mobilenet_v2_block(layer)
    blocks = [f"blocks.{stage}.{i}" for stage, (_, _, n, _) in enumerate(net.stages) for i in range(n)]
    parts = {"expand": "conv_pw", "expand_bn": "bn1", "depthwise": "conv_dw", "depthwise_bn": "bn2"}
    parts |= {"project": "conv_pwl", "project_bn": "bn3"}
    if _expansions(net)[number - 1] == 1:
        parts = {"depthwise": "conv_dw", "depthwise_bn": "bn1", "project": "conv_pw", "project_bn": "bn2"}
    return f"{blocks[number - 1]}.{parts[part]}"


def _keras_mobilenet_v2(net: MobileNetV2, layer: str) -> str:
    fixed = {
        "conv1": "Conv1",
        "bn1": "bn_Conv1",
        "fc": "predictions",
        "conv_last": "Conv_1",
        "bn_last": "Conv_1_bn",
    }
    if layer in fixed:
        return fixed[layer]
    number, part = _mobilenet_v2_block(layer)
    prefix = "expanded_conv" if number == 1 else f"block_{number - 1}"
    return f"{prefix}_{part.replace('_bn', '_BN')}"


_A = "branch1x1 branch5x5_1 branch5x5_2 branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3 branch_pool"
_B = "branch3x3 branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3"
_C = (
    "branch1x1 branch7x7_1 branch7x7_2 branch7x7_3 "
    "branch7x7dbl_1 branch7x7dbl_2 branch7x7dbl_3 branch7x7dbl_4 branch7x7dbl_5 branch_pool"
)
_D = "branch3x3_1 branch3x3_2 branch7x7x3_1 branch7x7x3_2 branch7x7x3_3 branch7x7x3_4"
_E = (
    "branch1x1 branch3x3_1 branch3x3_2a branch3x3_2b "
    "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3a branch3x3dbl_3b branch_pool"
)
_MIXED = {
    "5b": _A,
    "5c": _A,
    "5d": _A,
    "6a": _B,
    "6b": _C,
    "6c": _C,
    "6d": _C,
    "6e": _C,
    "7a": _D,
    "7b": _E,
    "7c": _E,
}
_STEM = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"]
_UNITS = list(itertools.chain(_STEM, *([f"Mixed_{m}/{u}" for u in units.split()] for m, units in _MIXED.items())))


def _keras_inception(net: InceptionV3, layer: str) -> str:
    """Keras numbers the layers as they are created, in the order of torchvision's call: see `numbered_from_0`."""
    if layer == "fc":
        return "predictions"
    unit, _, part = layer.rpartition("/")
    if unit not in _UNITS:  # an auxiliary head, which Keras lacks
        return layer
    return f"{'conv2d' if part == 'conv' else 'batch_normalization'}_{_UNITS.index(unit)}"


NAMINGS: dict[type, tuple[Naming, ...]] = {
    AlexNet: (Naming("torchvision", _torchvision_alexnet),),
    VGG: (Naming("torchvision", _torchvision_vgg), Naming("timm", _timm_vgg), Naming("Keras", _keras_vgg)),
    GoogLeNet: (Naming("torchvision", _dotted_numbers, spare=r"aux\d\."),),
    InceptionV3: (Naming("torchvision", _dotted, spare=r"AuxLogits\."), Naming("Keras", _keras_inception)),
    ResNet: (Naming("torchvision", _dotted_numbers), Naming("Keras", _keras_resnet)),
    MobileNet: (Naming("timm", _timm_mobilenet), Naming("Keras", _keras_mobilenet)),
    MobileNetV2: (
        Naming("torchvision", _torchvision_mobilenet_v2),
        Naming("timm", _timm_mobilenet_v2),
        Naming("Keras", _keras_mobilenet_v2),
    ),
    DenseNet: (Naming("torchvision", _torch_densenet), Naming("Keras", _keras_densenet)),
}

for _kind in (VGG, InceptionV3, ResNet, MobileNet, MobileNetV2, DenseNet):
    NAMINGS[_kind] += (Naming("Keras", keras_number),)  # files of 3.0 to 3.5

# The last layer, which networks for features (classes=0) lack.
HEADS = {AlexNet: "fc8", VGG: "fc8", DenseNet: "classifier"} | dict.fromkeys(
    (GoogLeNet, InceptionV3, ResNet, MobileNet, MobileNetV2), "fc"
)
HEADS[CNN] = "Dense_0"  # in our own runs only: no other library has it

# The first layer, of those whose order is not in `keras_numbers`.
STEMS = {AlexNet: "conv1", GoogLeNet: "conv1/conv"}

KERAS_FORMS: dict[type, Callable[[Any], Any]] = {
    ResNet: resnet.keras_form,
    DenseNet: densenet.keras_form,
    InceptionV3: inception_v3.keras_form,
    MobileNet: mobilenet.keras_form,
    MobileNetV2: mobilenet_v2.keras_form,
}

# torch flattens the maps of the last convolution channel by channel into this layer, we pixel by pixel.
FLATTENED: dict[type, tuple[str, Callable[[Any], int]]] = {
    VGG: ("fc6", lambda net: net.stages[-1][1]),
    AlexNet: ("fc6", lambda net: net.widths[-1]),
}


def numbered_from_0(names: list[str]) -> dict[str, str]:
    """{name: name with its number replaced by its rank} for Keras's automatic names.

    They continue from what was built before in the same session: conv2d_95 … or, the first, conv2d. Files without
    names have numbers for each class of layer, which in Keras 2 leave some out.
    """
    renamed: dict[str, str] = {}
    automatic = [f"{NUMBERED}{kind}" for kind in ("conv2d", "depthwise_conv2d", "batch_normalization", "dense")]
    for kind in ("conv2d", "batch_normalization", *automatic):
        numbers = {m[0]: int(m[1] or 0) for name in names if (m := re.fullmatch(rf"{kind}(?:_(\d+))?", name))}
        renamed |= {name: f"{kind}_{rank}" for rank, name in enumerate(sorted(numbers, key=numbers.__getitem__))}
    return renamed
