"""MobileNetV2: inverted residuals with linear bottlenecks (Sandler et al. 2018)."""

from __future__ import annotations

import flax.linen as nn
import jax

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.depthwise import DepthwiseConv
from deeplearn.nn.windows import Padding

HE = nn.initializers.he_normal()


class InvertedResidual(nn.Module):
    """1×1 to `expansion` times the features, 3×3 depthwise, linear 1×1; a skip where the shape does not change.

    An expansion of 1 has no first 1×1. ReLU6 after the first two.
    """

    features: int
    stride: int
    expansion: int
    padding: Padding
    epsilon: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        y = x
        if self.expansion != 1:
            wide = self.expansion * x.shape[-1]
            y = Conv(wide, (1, 1), use_bias=False, kernel_init=HE, name="expand")(y)
            y = nn.relu6(BatchNorm(epsilon=self.epsilon, name="expand_bn")(y, train))
        y = DepthwiseConv(3, self.stride, self.padding, use_bias=False, name="depthwise")(y)
        y = nn.relu6(BatchNorm(epsilon=self.epsilon, name="depthwise_bn")(y, train))
        y = Conv(self.features, (1, 1), use_bias=False, kernel_init=HE, name="project")(y)
        y = BatchNorm(epsilon=self.epsilon, name="project_bn")(y, train)
        return x + y if x.shape == y.shape else y


class MobileNetV2(nn.Module):
    """Images [B, H, W, C] -> logits [B, classes], or with classes=0 features [B, last] after global pooling.

    `stages` holds expansion, features, repeats and stride of each row of the paper's table 2; its 17 blocks are
    called block1 to block17, the last 1×1 conv_last. `padding` and ε as in MobileNet.
    """

    classes: int = 1000
    stem: tuple[int, int] = (32, 2)
    stages: tuple[tuple[int, int, int, int], ...] = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    last: int = 1280
    padding: Padding = 1
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        features, stride = self.stem
        x = Conv(features, (3, 3), stride, padding=self.padding, use_bias=False, kernel_init=HE, name="conv1")(x)
        x = nn.relu6(BatchNorm(epsilon=self.epsilon, name="bn1")(x, train))
        blocks = [
            (expansion, features, stride if index == 0 else 1)
            for expansion, features, repeats, stride in self.stages
            for index in range(repeats)
        ]
        for number, (expansion, features, stride) in enumerate(blocks, start=1):
            x = InvertedResidual(features, stride, expansion, self.padding, self.epsilon, name=f"block{number}")(
                x, train
            )
        x = Conv(self.last, (1, 1), use_bias=False, kernel_init=HE, name="conv_last")(x)
        x = nn.relu6(BatchNorm(epsilon=self.epsilon, name="bn_last")(x, train)).mean((1, 2))
        x = nn.Dropout(0.2, deterministic=not train)(x)
        return nn.Dense(self.classes, name="fc")(x) if self.classes else x


def mobilenet_v2(classes: int = 1000) -> MobileNetV2:
    return MobileNetV2(classes)


def keras_form(net: MobileNetV2) -> MobileNetV2:
    """The same net as in Keras applications."""
    return net.clone(padding="SAME", epsilon=1e-3)


def small(net: MobileNetV2) -> MobileNetV2:
    """For images of 8 to 32 pixels: half the features, no stride in the stem and in the first that strides."""
    first = next(index for index, stage in enumerate(net.stages) if stage[3] == 2)
    stages = tuple(
        (expansion, features // 2, repeats, 1 if index == first else stride)
        for index, (expansion, features, repeats, stride) in enumerate(net.stages)
    )
    return net.clone(stem=(net.stem[0] // 2, 1), stages=stages, last=net.last // 4)
