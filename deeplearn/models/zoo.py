"""The convolutional family by name, from AlexNet to DenseNet, at paper size and for images of 8 to 32 pixels.

A member is called as `net(x, train)` with images [B, H, W, C] and gives logits [B, classes]. With classes=0 it has
no last layer and gives the features [B, D] before it. GoogLeNet and Inception-v3 at paper size have auxiliary
heads: in training they give a tuple, the logits first. Batch norm's averages are in the collection "batch_stats";
dropout draws from the stream "dropout".
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable
from typing import Any

import flax.linen as nn

from deeplearn.errors import UserError
from deeplearn.models import alexnet, densenet, googlenet, inception_v3, mobilenet, mobilenet_v2, resnet, vgg


@dataclasses.dataclass(frozen=True)
class Member:
    """One architecture: functions that make its paper size and its small form, and the image size of the paper."""

    paper: Callable[[int], Any]
    shrink: Callable[[Any], Any]
    image: int = 224  # pixels a side

    def small(self, classes: int) -> nn.Module:
        return self.shrink(self.paper(classes))


ZOO = {
    "alexnet": Member(alexnet.alexnet, alexnet.small, 227),
    "alexnet_one_tower": Member(alexnet.alexnet_one_tower, alexnet.small),
    "vgg16": Member(vgg.vgg16, vgg.small),
    "vgg19": Member(vgg.vgg19, vgg.small),
    "googlenet": Member(googlenet.googlenet, googlenet.small),
    "googlenet_batch_norm": Member(googlenet.googlenet_batch_norm, googlenet.small),
    "inception_v3": Member(inception_v3.inception_v3, inception_v3.small, 299),
    "resnet18": Member(resnet.resnet18, resnet.small),
    "resnet34": Member(resnet.resnet34, resnet.small),
    "resnet50": Member(resnet.resnet50, resnet.small),
    "resnet50_v1": Member(lambda classes: resnet.version_1(resnet.resnet50(classes)), resnet.small),
    "resnet101": Member(resnet.resnet101, resnet.small),
    "resnet101_v1": Member(lambda classes: resnet.version_1(resnet.resnet101(classes)), resnet.small),
    "resnet152": Member(resnet.resnet152, resnet.small),
    "resnet152_v1": Member(lambda classes: resnet.version_1(resnet.resnet152(classes)), resnet.small),
    "resnext50_32x4d": Member(resnet.resnext50_32x4d, resnet.small),
    "resnext101_32x8d": Member(resnet.resnext101_32x8d, resnet.small),
    "mobilenet_v1": Member(mobilenet.mobilenet_v1, mobilenet.small),
    "mobilenet_v2": Member(mobilenet_v2.mobilenet_v2, mobilenet_v2.small),
    "densenet121": Member(densenet.densenet121, densenet.small),
    "densenet169": Member(densenet.densenet169, densenet.small),
    "densenet201": Member(densenet.densenet201, densenet.small),
}


def member(name: str) -> Member:
    """The architecture of that name; UserError if there is none."""
    if name not in ZOO:
        close = difflib.get_close_matches(name, ZOO, n=1)
        near = f"did you mean {close[0]}?" if close else f"there are {', '.join(ZOO)}"
        raise UserError(f"there is no network {name!r}: {near}")
    return ZOO[name]


def backbone(name: str, width: int, blocks: int) -> nn.Module:
    """Images [B, H, W, C], 8 to 32 pixels a side -> features [B, D]: the small form of a member, or "resnet8".

    That has a 3×3 convolution of `width` features and as many residual `blocks`, each but the first with half the
    pixels and twice the features. UserError where there is no such network.
    """
    if name == "resnet8":
        return resnet.ResNet(0, (1,) * blocks, bottleneck=False, width=width, small_stem=True)
    return member(name).small(0)
