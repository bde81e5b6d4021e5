"""Residual networks (He et al. 2015, "Deep residual learning"; v1.5; ResNeXt, Xie et al. 2017).

Modules have torchvision's names, with "_" for the dot before a number: layer1.0.conv1 is layer1_0/conv1.
"""

from __future__ import annotations

from functools import partial

import flax.linen as nn
import jax

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.grouped import GroupedConv
from deeplearn.nn.pooling import max_pool

HE = nn.initializers.he_normal()


class ResidualBlock(nn.Module):
    """ReLU(x + F(x)), the input projected by a 1×1 convolution where the shape changes (option B of the paper).

    F is 3×3, 3×3 (`bottleneck` off) or 1×1, 3×3 in groups, 1×1 with four times the features, each with batch norm.
    """

    features: int  # of the first convolutions; ResNeXt's inner width follows from the groups
    stride: int
    bottleneck: bool
    groups: int
    group_width: int
    stride_in_3x3: bool
    conv_bias: bool
    epsilon: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        def conv(x: jax.Array, features: int, size: int, stride: int, name: str, norm: str) -> jax.Array:
            grouped = self.groups > 1 and size == 3
            layer = partial(GroupedConv, groups=self.groups) if grouped else Conv
            x = layer(
                features=features,
                kernel_size=(size, size),
                strides=stride,
                padding=size // 2,
                use_bias=self.conv_bias,
                kernel_init=HE,
                name=name,
            )(x)
            return BatchNorm(epsilon=self.epsilon, name=norm)(x, train)

        if self.bottleneck:
            width = self.features * self.group_width // 64 * self.groups
            outputs = 4 * self.features
            first, second = (1, self.stride) if self.stride_in_3x3 else (self.stride, 1)
            y = nn.relu(conv(x, width, 1, first, "conv1", "bn1"))
            y = nn.relu(conv(y, width, 3, second, "conv2", "bn2"))
            y = conv(y, outputs, 1, 1, "conv3", "bn3")
        else:
            outputs = self.features
            y = nn.relu(conv(x, outputs, 3, self.stride, "conv1", "bn1"))
            y = conv(y, outputs, 3, 1, "conv2", "bn2")
        if x.shape[-1] != outputs or self.stride != 1:
            x = conv(x, outputs, 1, self.stride, "downsample_0", "downsample_1")
        return nn.relu(x + y)


class ResNet(nn.Module):
    """Images [B, H, W, C] -> logits [B, classes], or with classes=0 features [B, D] after global pooling.

    Without `pooled` (and with classes=0) the last maps [B, h, w, D].

    `stride_in_3x3` is v1.5 (torchvision); without it the stride is in the bottleneck's first 1×1, as in the paper
    and in Keras. `conv_bias` is for Keras's weights, whose convolutions have (redundant) biases, ε = 1.001e-5.
    `small_stem` is the paper's for 32-pixel images: 3×3, no stride, no pooling.
    """

    classes: int = 1000
    stages: tuple[int, ...] = (3, 4, 6, 3)
    bottleneck: bool = True
    width: int = 64
    groups: int = 1
    group_width: int = 64
    stride_in_3x3: bool = True
    conv_bias: bool = False
    epsilon: float = 1e-5
    small_stem: bool = False
    pooled: bool = True

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        kernel, stride = (3, 1) if self.small_stem else (7, 2)
        x = Conv(
            self.width,
            (kernel, kernel),
            stride,
            padding=kernel // 2,
            use_bias=self.conv_bias,
            kernel_init=HE,
            name="conv1",
        )(x)
        x = nn.relu(BatchNorm(epsilon=self.epsilon, name="bn1")(x, train))
        if not self.small_stem:
            x = max_pool(x, 3, 2, padding=1)
        for level, depth in enumerate(self.stages):
            for index in range(depth):
                x = ResidualBlock(
                    features=self.width * 2**level,
                    stride=2 if level > 0 and index == 0 else 1,
                    bottleneck=self.bottleneck,
                    groups=self.groups,
                    group_width=self.group_width,
                    stride_in_3x3=self.stride_in_3x3,
                    conv_bias=self.conv_bias,
                    epsilon=self.epsilon,
                    name=f"layer{level + 1}_{index}",
                )(x, train)
        if not self.pooled:
            return x
        x = x.mean((1, 2))
        return nn.Dense(self.classes, name="fc")(x) if self.classes else x


def resnet18(classes: int = 1000) -> ResNet:
    return ResNet(classes, (2, 2, 2, 2), bottleneck=False)


def resnet34(classes: int = 1000) -> ResNet:
    return ResNet(classes, (3, 4, 6, 3), bottleneck=False)


def resnet50(classes: int = 1000) -> ResNet:
    return ResNet(classes, (3, 4, 6, 3))


def resnet101(classes: int = 1000) -> ResNet:
    return ResNet(classes, (3, 4, 23, 3))


def resnet152(classes: int = 1000) -> ResNet:
    return ResNet(classes, (3, 8, 36, 3))


def resnext50_32x4d(classes: int = 1000) -> ResNet:
    return ResNet(classes, (3, 4, 6, 3), groups=32, group_width=4)


def resnext101_32x8d(classes: int = 1000) -> ResNet:
    return ResNet(classes, (3, 4, 23, 3), groups=32, group_width=8)


def version_1(net: ResNet) -> ResNet:
    """The same net with the stride where it is in the paper."""
    return net.clone(stride_in_3x3=False)


def keras_form(net: ResNet) -> ResNet:
    """The same net as in Keras applications (ResNet50, 101, 152)."""
    return net.clone(stride_in_3x3=False, conv_bias=True, epsilon=1.001e-5)


def small(net: ResNet) -> ResNet:
    """For images of 8 to 32 pixels: as deep, 16 features at first, ResNeXt in 4 groups, no stride in the stem."""
    net = net.clone(width=16, small_stem=True)
    return net.clone(groups=4, group_width=4 * net.group_width) if net.groups > 1 else net
