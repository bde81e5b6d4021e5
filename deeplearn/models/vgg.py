"""VGG: stacked 3×3 convolutions (Simonyan & Zisserman 2015, configurations D and E).

conv3_1 is the first convolution of the third stage, as in the authors' own files; fc6, fc7, fc8 are the dense
layers. The last feature map is flattened in the order height, width, channel: Keras's. A kernel of fc6 from torch
is laid out channel, height, width and has to be transposed when it is loaded.
"""

from __future__ import annotations

import flax.linen as nn
import jax

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.pooling import max_pool


class VGG(nn.Module):
    """Images [B, H, W, C] -> logits [B, classes], or with classes=0 features [B, hidden], those of fc7.

    `stages` holds the depth and the width of each stage, which ends in 2×2 max pooling. Dropout ½ on fc6 and fc7.
    The authors began deep nets from trained shallow ones, and say that a scaled initialisation works as well:
    here it is He's, whose variance suits ReLU.
    """

    classes: int = 1000
    stages: tuple[tuple[int, int], ...] = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
    hidden: int = 4096

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        he = nn.initializers.he_normal()
        for stage, (depth, width) in enumerate(self.stages, start=1):
            for layer in range(1, depth + 1):
                x = nn.relu(Conv(width, (3, 3), padding=1, kernel_init=he, name=f"conv{stage}_{layer}")(x))
            x = max_pool(x, 2)
        x = x.reshape(len(x), -1)
        for name in ("fc6", "fc7"):
            x = nn.relu(nn.Dense(self.hidden, kernel_init=he, name=name)(x))
            x = nn.Dropout(0.5, deterministic=not train)(x)
        return nn.Dense(self.classes, name="fc8")(x) if self.classes else x


def vgg16(classes: int = 1000) -> VGG:
    return VGG(classes)


def vgg19(classes: int = 1000) -> VGG:
    return VGG(classes, ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)))


def small(net: VGG) -> VGG:
    """For images of 8 to 32 pixels: the first three stages with a quarter of the features, 256 hidden units."""
    return net.clone(stages=tuple((depth, width // 4) for depth, width in net.stages[:3]), hidden=256)
