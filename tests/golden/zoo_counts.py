"""Writes zoo_counts.json: parameters and multiply-adds of torchvision's, timm's and Keras's networks.

Made with torch 2.13.0, torchvision 0.28.0, timm 1.0.31 and Keras 3.15.1 on JAX: `KERAS_BACKEND=jax python
zoo_counts.py`, minutes. Torch computes nothing but shapes; its parameters are with auxiliary heads, its
multiply-adds without. Keras's total is with batch norm's statistics.
"""

import json
import math
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

# torchvision declares fake kernels for operators that a CPU build of torch lacks (pytorch/vision issue 9085).
for operator in ("nms", "qnms"):
    torch.library.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import keras  # noqa: E402
import timm  # noqa: E402
import torchvision  # noqa: E402

TORCHVISION = {
    "alexnet_one_tower": "alexnet",
    "googlenet_batch_norm": "googlenet",
    **{
        name: name
        for name in (
            *("vgg16", "vgg19", "inception_v3", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
            *("resnext50_32x4d", "resnext101_32x8d", "mobilenet_v2", "densenet121", "densenet169", "densenet201"),
        )
    },
}
KERAS = {
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "inception_v3": "InceptionV3",
    "resnet50": "ResNet50",
    "resnet101": "ResNet101",
    "resnet152": "ResNet152",
    "mobilenet_v1": "MobileNet",
    "mobilenet_v2": "MobileNetV2",
    "densenet121": "DenseNet121",
    "densenet169": "DenseNet169",
    "densenet201": "DenseNet201",
}


def measured(build, side):
    with torch.device("meta"):
        net, image = build().eval(), torch.zeros(1, 3, side, side)
    with FlopCounterMode(net, display=False) as counter:
        net(image)
    return {
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "multiply_adds": counter.get_total_flops() // 2,
    }


def main():
    counts = {"torch": {}, "keras": {}}
    for name, theirs in TORCHVISION.items():
        build = getattr(torchvision.models, theirs)
        counts["torch"][name] = measured(build, 299 if name == "inception_v3" else 224)
    counts["torch"]["mobilenet_v1"] = measured(lambda: timm.create_model("mobilenetv1_100"), 224)
    for name, theirs in KERAS.items():
        net = getattr(keras.applications, theirs)(weights=None)
        trainable = sum(math.prod(weight.shape) for weight in net.trainable_weights)
        counts["keras"][name] = {"total": net.count_params(), "trainable": trainable}
    Path(__file__).with_suffix(".json").write_text(json.dumps(counts, indent=1) + "\n")
    print(torch.__version__, torchvision.__version__, timm.__version__, keras.__version__)


if __name__ == "__main__":
    main()
