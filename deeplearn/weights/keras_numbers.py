"""The numbers of layers in Keras 3.0 to 3.5, whose files hold no names: conv2d, conv2d_1 … for each class of layer.

They follow `model.layers`, which Keras sorts by the longest way to the output, and within that by the order in
which it comes upon them from there (keras/src/ops/function.py, map_graph).
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from deeplearn.models.densenet import DenseNet
from deeplearn.models.inception_v3 import InceptionV3
from deeplearn.models.mobilenet import MobileNet
from deeplearn.models.mobilenet_v2 import MobileNetV2
from deeplearn.models.resnet import ResNet
from deeplearn.models.vgg import VGG


def _vgg(net: VGG) -> Iterator[str]:
    yield from (f"conv{stage}_{i + 1}" for stage, (depth, _) in enumerate(net.stages, 1) for i in range(depth))
    yield from ("fc6", "fc7", "fc8")


def _resnet(net: ResNet) -> Iterator[str]:
    yield from ("conv1", "bn1")
    for stage, depth in enumerate(net.stages, 1):
        for index in range(depth):
            parts = ["conv1", "bn1", "conv2", "bn2"]
            parts += ["downsample_0", "downsample_1"] if index == 0 and (net.bottleneck or stage > 1) else []
            parts += ["conv3", "bn3"] if net.bottleneck else []
            yield from (f"layer{stage}_{index}/{part}" for part in parts)
    yield "fc"


def _densenet(net: DenseNet) -> Iterator[str]:
    yield from ("conv0", "norm0")
    for block, depth in enumerate(net.blocks, 1):
        for layer in range(1, depth + 1):
            parts = ("norm1", "conv1", "norm2", "conv2")
            yield from (f"denseblock{block}_denselayer{layer}/{part}" for part in parts)
        if block < len(net.blocks):
            yield from (f"transition{block}/norm", f"transition{block}/conv")
    yield from ("norm5", "classifier")


def _mobilenet(net: MobileNet) -> Iterator[str]:
    yield from ("conv1", "bn1")
    for block in range(1, len(net.blocks) + 1):
        yield from (f"block{block}/{part}" for part in ("conv_dw", "bn1", "conv_pw", "bn2"))
    yield "fc"


def _mobilenet_v2(net: MobileNetV2) -> Iterator[str]:
    yield from ("conv1", "bn1")
    expansions = [expansion for expansion, _, repeats, _ in net.stages for _ in range(repeats)]
    for block, expansion in enumerate(expansions, 1):
        for part in ("expand", "depthwise", "project"):
            if part != "expand" or expansion > 1:
                yield from (f"block{block}/{part}", f"block{block}/{part}_bn")
    yield from ("conv_last", "bn_last", "fc")


# Of the units in a block, those that have the longest way to its end come first.
_A = "branch3x3dbl_1 branch5x5_1 branch3x3dbl_2 branch1x1 branch5x5_2 branch3x3dbl_3 branch_pool"
_B = "branch3x3dbl_1 branch3x3dbl_2 branch3x3 branch3x3dbl_3"
_C = (
    "branch7x7dbl_1 branch7x7dbl_2 branch7x7_1 branch7x7dbl_3 branch7x7_2 branch7x7dbl_4 "
    "branch1x1 branch7x7_3 branch7x7dbl_5 branch_pool"
)
_D = "branch7x7x3_1 branch7x7x3_2 branch3x3_1 branch7x7x3_3 branch3x3_2 branch7x7x3_4"
_E = (
    "branch3x3dbl_1 branch3x3_1 branch3x3dbl_2 branch3x3_2a branch3x3_2b branch3x3dbl_3a branch3x3dbl_3b "
    "branch1x1 branch_pool"
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


def _inception(net: InceptionV3) -> Iterator[str]:
    stem = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"]
    for unit in (*stem, *(f"Mixed_{block}/{unit}" for block, units in _MIXED.items() for unit in units.split())):
        yield from (f"{unit}/conv", f"{unit}/bn")
    yield "fc"


_ORDERS: dict[type, Callable[[Any], Iterable[str]]] = {
    VGG: _vgg,
    ResNet: _resnet,
    DenseNet: _densenet,
    MobileNet: _mobilenet,
    MobileNetV2: _mobilenet_v2,
    InceptionV3: _inception,
}


def _class(net: Any, layer: str) -> str:
    part = layer.split("/")[-1]
    if re.search("bn|norm|downsample_1", part):
        return "batch_normalization"
    if part in ("depthwise", "conv_dw"):
        return "depthwise_conv2d"
    dense = part in ("fc", "fc6", "fc7", "fc8", "classifier") and not isinstance(net, MobileNet)
    return "dense" if dense else "conv2d"


@functools.lru_cache(maxsize=4)
def keras_numbers(net: Any) -> dict[str, str]:
    """{our layer: its number in Keras}, in Keras's order; nothing for a network that Keras lacks."""
    counts: Counter[str] = Counter()
    result = {}
    for layer in _ORDERS.get(type(net), lambda net: ())(net):
        kind = _class(net, layer)
        result[layer] = f"layers_{kind}_{counts[kind]}"
        counts[kind] += 1
    return result


def keras_number(net: Any, layer: str) -> str:
    """Our layer1_0/conv1 is layers_conv2d_1; a layer that Keras lacks (of an auxiliary head) keeps its name."""
    return keras_numbers(net).get(layer, layer)
