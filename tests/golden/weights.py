# ruff: noqa: E402 (Keras reads its backend, and torchvision its operators, while they are imported)
"""Logits of narrow networks of torchvision, timm and Keras on random weights, and small files that each wrote.

    python tests/golden/weights.py

Made with torch 2.13.0, torchvision 0.28.0, timm 1.0.31 and Keras 3.15.1. Weights and images are those of
tests/weights/recipe.py, a function of names and shapes, so only these and the logits are stored (weights.npz),
beside names and shapes of the networks at full size (weights_full.json.gz) and the small files (weights_files/).
"""

import contextlib
import gzip
import json
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"  # runs at once, where JAX compiles each operation first
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "weights"))

import keras
import numpy as np
import torch
from recipe import random_images, random_tensors

# A torchvision whose compiled operators do not match this torch can still build networks, once these are declared.
operators = torch.library.Library("torchvision", "FRAGMENT")
for operator in ("nms", "qnms"):
    with contextlib.suppress(RuntimeError):
        operators.define(f"{operator}(Tensor x) -> Tensor")

import timm
import torchvision
from keras.src.applications import densenet as keras_densenet
from keras.src.applications import inception_v3 as keras_inception_v3
from keras.src.applications import resnet as keras_resnet
from keras.src.applications import vgg16 as keras_vgg16
from timm.models.resnet import Bottleneck as TimmBottleneck
from timm.models.resnet import ResNet as TimmResNet
from timm.models.vgg import VGG as TimmVGG
from timm.models.vgg import ClassifierHead, ConvMlp
from torch import nn
from torchvision.models.densenet import DenseNet
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.models.vgg import VGG, make_layers

CLASSES = 10
ROLES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")


def narrow(module, divide):
    """The same torch network with all widths divided, but for the image's channels and the classes."""

    def width(n):
        return n if n in (3, CLASSES) else n // divide

    def cut(child, name, *sizes):
        value = getattr(child, name)
        if value is not None:
            value = value.detach()[tuple(slice(size) for size in sizes)].clone()
            setattr(child, name, nn.Parameter(value) if name in ("weight", "bias") else value)

    # In place: timm's batch norm is a class of its own, which holds the activation.
    for child in module.modules():
        if isinstance(child, nn.Conv2d):
            child.in_channels, child.out_channels = width(child.in_channels), width(child.out_channels)
            child.groups = width(child.groups) if child.groups > 1 else 1
            cut(child, "weight", child.out_channels, child.in_channels // child.groups)
            cut(child, "bias", child.out_channels)
        elif isinstance(child, nn.BatchNorm2d):
            child.num_features = width(child.num_features)
            for name in ("weight", "bias", "running_mean", "running_var"):
                cut(child, name, child.num_features)
        elif isinstance(child, nn.Linear):
            child.in_features, child.out_features = width(child.in_features), width(child.out_features)
            cut(child, "weight", child.out_features, child.in_features)
            cut(child, "bias", child.out_features)
    return module


class NarrowLayers:
    """Stands for keras.layers in a module of Keras applications: fewer filters and units."""

    def __init__(self, divide):
        self.divide = divide

    def __getattr__(self, name):
        layer = getattr(keras.layers, name)
        if name not in ("Conv2D", "Dense"):
            return layer

        def make(size, *rest, **options):
            return layer(size if size == CLASSES else size // self.divide, *rest, **options)

        return make


def narrow_keras(module, divide, build):
    module.layers = NarrowLayers(divide)
    try:
        return build()
    finally:
        module.layers = keras.layers


def run_torch(net, side):
    state = net.state_dict()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    net.load_state_dict({n: torch.from_numpy(np.asarray(x)) for n, x in random_tensors(shapes, False).items()})
    with torch.no_grad():
        logits = net.eval()(torch.from_numpy(random_images(side).transpose(0, 3, 1, 2).copy()))
    return shapes, logits.numpy()


def keras_shapes(net):
    named = {}
    for layer in net.layers:
        for weight in layer.weights:
            role = weight.path.split("/")[-1]
            assert role in ROLES, role
            named[f"{layer.name}/{role}"] = weight
    return named


def run_keras(net, side):
    named = keras_shapes(net)
    shapes = {name: tuple(weight.shape) for name, weight in named.items()}
    for name, value in random_tensors(shapes, True).items():
        named[name].assign(value)
    with torch.no_grad():
        return shapes, net(random_images(side), training=False).cpu().numpy()


OPTIONS = {"weights": None, "classes": CLASSES, "classifier_activation": None}


def vgg(narrowed):
    """torchvision's VGG of two stages for 8 pixels; its own classifier wants 512 maps of 7×7."""
    narrowed.avgpool = nn.AdaptiveAvgPool2d(2)
    sizes = [(16 * 4, 12), (12, 12), (12, CLASSES)]
    first, second, third = (nn.Linear(*size) for size in sizes)
    narrowed.classifier = nn.Sequential(first, nn.ReLU(), nn.Dropout(), second, nn.ReLU(), nn.Dropout(), third)
    return narrowed


def timm_vgg(net):
    """The same of timm, whose dense layers are convolutions."""
    net.pre_logits = ConvMlp(16, 12, 2)
    net.head = ClassifierHead(12, CLASSES)
    return net


def residual_stack(x):
    for stage, (filters, blocks, stride) in enumerate([(64, 1, 1), (128, 2, 2), (256, 1, 2), (512, 1, 2)], start=2):
        x = keras_resnet.stack_residual_blocks_v1(x, filters, blocks, stride1=stride, name=f"conv{stage}")
    return x


tv = torchvision.models
TORCH = {
    "alexnet torchvision": (lambda: narrow(tv.alexnet(num_classes=CLASSES), 16), 224),
    "vgg torchvision": (lambda: vgg(VGG(make_layers([8, 8, "M", 16, "M"]))), 8),
    "vgg timm": (lambda: timm_vgg(TimmVGG([8, 8, "M", 16, "M"])), 8),
    "googlenet torchvision": (lambda: narrow(tv.googlenet(num_classes=CLASSES, init_weights=False), 4), 64),
    "inception_v3 torchvision": (
        lambda: narrow(tv.Inception3(CLASSES, init_weights=False, aux_logits=False), 4),
        75,
    ),
    "resnet torchvision": (lambda: ResNet(Bottleneck, [1, 2, 1, 1], CLASSES, width_per_group=16), 40),
    "resnet_basic torchvision": (lambda: ResNet(BasicBlock, [1, 2, 1, 1], CLASSES), 40),
    "resnext torchvision": (
        lambda: ResNet(Bottleneck, [1, 1, 1, 1], CLASSES, groups=4, width_per_group=8),
        40,
    ),
    "resnet timm": (
        lambda: TimmResNet(TimmBottleneck, [1, 2, 1, 1], num_classes=CLASSES, base_width=16),
        40,
    ),
    "mobilenet_v1 timm": (lambda: narrow(timm.create_model("mobilenetv1_100", num_classes=CLASSES), 8), 64),
    "mobilenet_v2 torchvision": (lambda: narrow(tv.mobilenet_v2(num_classes=CLASSES), 8), 64),
    "mobilenet_v2 timm": (lambda: narrow(timm.create_model("mobilenetv2_100", num_classes=CLASSES), 8), 64),
    "densenet torchvision": (lambda: DenseNet(8, (2, 3, 2, 2), 16, num_classes=CLASSES), 64),
}
KERAS = {
    "vgg Keras": (
        lambda: narrow_keras(keras_vgg16, 16, lambda: keras.applications.VGG16(input_shape=(32, 32, 3), **OPTIONS)),
        32,
    ),
    "inception_v3 Keras": (
        lambda: narrow_keras(
            keras_inception_v3, 4, lambda: keras.applications.InceptionV3(input_shape=(75, 75, 3), **OPTIONS)
        ),
        75,
    ),
    "resnet Keras": (
        lambda: narrow_keras(
            keras_resnet,
            4,
            lambda: keras_resnet.ResNet(residual_stack, False, True, input_shape=(40, 40, 3), **OPTIONS),
        ),
        40,
    ),
    "mobilenet_v1 Keras": (
        lambda: keras.applications.MobileNet(input_shape=(64, 64, 3), alpha=0.25, **OPTIONS),
        64,
    ),
    "mobilenet_v2 Keras": (
        lambda: keras.applications.MobileNetV2(input_shape=(64, 64, 3), alpha=0.5, **OPTIONS),
        64,
    ),
    "densenet Keras": (
        lambda: keras_densenet.DenseNet([2, 3, 2, 2], input_shape=(64, 64, 3), **OPTIONS),
        64,
    ),
}


def write_logits():
    stored = {}
    for cases, run in ((TORCH, run_torch), (KERAS, run_keras)):
        for name, (build, side) in cases.items():
            shapes, logits = run(build(), side)
            assert np.isfinite(logits).all() and logits.std() > 1e-2, name
            print(name, len(shapes), f"logits deviate by {logits.std():.3g}")
            stored[f"{name}/shapes"] = np.frombuffer(json.dumps(shapes).encode(), np.uint8)
            stored[f"{name}/logits"] = logits
            stored[f"{name}/side"] = np.array(side)
    np.savez_compressed(HERE / "weights.npz", **stored)


def write_full_shapes():
    """Names and shapes at full size; on torch's device "meta" and in Keras's stateless scope without arrays."""
    names = ["alexnet", "vgg16", "vgg19", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]
    names += ["resnext50_32x4d", "resnext101_32x8d", "mobilenet_v2", "densenet121", "densenet169", "densenet201"]
    timm_names = {"vgg16": "vgg16", "mobilenet_v1": "mobilenetv1_100", "mobilenet_v2": "mobilenetv2_100"}
    timm_names |= {"resnet50": "resnet50", "densenet121": "densenet121"}
    keras_names = {"vgg16": "VGG16", "vgg19": "VGG19", "resnet50": "ResNet50", "resnet101": "ResNet101"}
    keras_names |= {"resnet152": "ResNet152", "mobilenet_v1": "MobileNet", "mobilenet_v2": "MobileNetV2"}
    keras_names |= {"densenet121": "DenseNet121", "densenet169": "DenseNet169", "densenet201": "DenseNet201"}
    keras_names |= {"inception_v3": "InceptionV3"}
    full = {}
    with torch.device("meta"):
        built = {f"{name} torchvision": getattr(tv, name)() for name in names}
        built["googlenet torchvision"] = tv.googlenet(init_weights=False)
        built["inception_v3 torchvision"] = tv.inception_v3(init_weights=False)
        built |= {f"{ours} timm": timm.create_model(theirs) for ours, theirs in timm_names.items()}
    for name, net in built.items():
        full[name] = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    with keras.StatelessScope():
        for ours, theirs in keras_names.items():
            net = getattr(keras.applications, theirs)(weights=None)
            full[f"{ours} Keras"] = {key: tuple(value.shape) for key, value in keras_shapes(net).items()}
    with gzip.GzipFile(HERE / "weights_full.json.gz", "wb", mtime=0) as file:
        file.write(json.dumps(full).encode())
    print({name: len(shapes) for name, shapes in full.items()})


def write_files():
    """Small files of every format, and of torch's dtypes and views."""
    folder = HERE / "weights_files"
    folder.mkdir(exist_ok=True)
    values = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    state = {
        "float": values / 7,
        "half": values.half(),
        "bfloat16": values.bfloat16(),
        "double": values.double() / 7,
        "long": values.long(),
        "bool": values > 5,
        "transposed": values.T,
        "row": values[1],
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 2),
    }
    torch.save(nn.Linear(2, 1).state_dict() | state, folder / "plain.pth")
    torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    wrapped = {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}, "best": 0.5}
    torch.save(wrapped, folder / "wrapped.pth")
    torch.save(nn.Linear(2, 1), folder / "module.pth")
    layers = keras.layers
    net = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(2, 3, name="stem"),
            layers.BatchNormalization(scale=False, name="stem_bn"),
            layers.DepthwiseConv2D(3, name="depthwise"),
            layers.BatchNormalization(name="depthwise_bn"),
            layers.Flatten(),
            layers.Dense(2, use_bias=False, name="predictions"),
        ]
    )
    for name, value in random_tensors({n: w.shape for n, w in keras_shapes(net).items()}, True).items():
        keras_shapes(net)[name].assign(value)
    net.save_weights(folder / "new.weights.h5")
    net.save(folder / "whole.h5")
    net.save(folder / "whole.keras")


if __name__ == "__main__":
    write_files()
    write_full_shapes()
    write_logits()
