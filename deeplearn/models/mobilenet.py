"""MobileNet: alternating depthwise and 1×1 convolutions (Howard et al. 2017)."""

from __future__ import annotations

import flax.linen as nn
import jax

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.depthwise import DepthwiseConv
from deeplearn.nn.windows import Padding

HE = nn.initializers.he_normal()


class SeparableBlock(nn.Module):
    """3×3 depthwise, then 1×1, each with batch norm and ReLU6 (the authors' code; the paper says ReLU)."""

    features: int
    stride: int
    padding: Padding
    epsilon: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = DepthwiseConv(3, self.stride, self.padding, use_bias=False, name="conv_dw")(x)
        x = nn.relu6(BatchNorm(epsilon=self.epsilon, name="bn1")(x, train))
        x = Conv(self.features, (1, 1), use_bias=False, kernel_init=HE, name="conv_pw")(x)
        return nn.relu6(BatchNorm(epsilon=self.epsilon, name="bn2")(x, train))


class MobileNet(nn.Module):
    """Images [B, H, W, C] -> logits [B, classes], or with classes=0 features [B, D] after global pooling.

    `blocks` holds features and stride of each of the thirteen blocks, called block1 to block13. `padding` is "SAME"
    in Keras, where a stride of 2 on an even image pads below and right only, and 1 in timm; ε is 1e-3 and 1e-5.
    """

    classes: int = 1000
    stem: tuple[int, int] = (32, 2)
    blocks: tuple[tuple[int, int], ...] = (
        (64, 1),
        (128, 2),
        (128, 1),
        (256, 2),
        (256, 1),
        (512, 2),
        *((512, 1),) * 5,
        (1024, 2),
        (1024, 1),
    )
    padding: Padding = 1
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        features, stride = self.stem
        x = Conv(features, (3, 3), stride, padding=self.padding, use_bias=False, kernel_init=HE, name="conv1")(x)
        x = nn.relu6(BatchNorm(epsilon=self.epsilon, name="bn1")(x, train))
        for index, (features, stride) in enumerate(self.blocks, start=1):
            x = SeparableBlock(features, stride, self.padding, self.epsilon, name=f"block{index}")(x, train)
        x = x.mean((1, 2))
        x = nn.Dropout(0.001, deterministic=not train)(x)  # the authors' rate
        return nn.Dense(self.classes, name="fc")(x) if self.classes else x


def mobilenet_v1(classes: int = 1000) -> MobileNet:
    return MobileNet(classes)


def keras_form(net: MobileNet) -> MobileNet:
    """The same net as in Keras applications."""
    return net.clone(padding="SAME", epsilon=1e-3)


def small(net: MobileNet) -> MobileNet:
    """For images of 8 to 32 pixels: a quarter of the features, no stride in the stem and the first that strides."""
    strided = [index for index, (_, stride) in enumerate(net.blocks) if stride == 2]
    blocks = tuple(
        (features // 4, 1 if index == strided[0] else stride) for index, (features, stride) in enumerate(net.blocks)
    )
    return net.clone(stem=(net.stem[0] // 2, 1), blocks=blocks)
