"""AlexNet (Krizhevsky, Sutskever & Hinton 2012), and the form with one tower of Krizhevsky 2014, torchvision's.

conv1 to conv5 and fc6 to fc8 in both. The last feature map is flattened in the order height, width, channel; a
kernel of fc6 from torch is laid out channel, height, width and has to be transposed when it is loaded.
"""

from __future__ import annotations

from functools import partial

import flax.linen as nn
import jax

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.grouped import GroupedConv
from deeplearn.nn.lrn import local_response_norm
from deeplearn.nn.pooling import max_pool
from deeplearn.nn.windows import Padding


class AlexNet(nn.Module):
    """Images [B, H, W, C], 227 pixels a side -> logits [B, classes], or with classes=0 features [B, hidden] of fc7.

    `groups` is 2 for the two towers, which meet in conv3 and in the dense layers: conv2, conv4 and conv5 see one
    half of the maps each. Overlapping 3×3 pooling with stride 2; local response normalisation after the ReLU of
    conv1 and conv2; dropout ½ on fc6 and fc7. Weights N(0, .01²) and biases 1 in conv2, conv4, conv5, fc6 and fc7
    (section 5), or He's rule with biases 0 without `paper_init`: small nets do not start to learn with the former.
    """

    classes: int = 1000
    widths: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256)
    hidden: int = 4096
    groups: int = 2
    lrn: bool = True
    stem: tuple[int, int, int] = (11, 4, 0)  # kernel, stride and padding of conv1
    pool_padding: Padding = "VALID"
    paper_init: bool = True

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        kernel_init = nn.initializers.normal(0.01) if self.paper_init else nn.initializers.he_normal()
        ones = nn.initializers.ones if self.paper_init else nn.initializers.zeros

        def conv(x: jax.Array, number: int, size: int, groups: int, stride: int = 1, padding: int = 1) -> jax.Array:
            kind = partial(GroupedConv, groups=groups) if groups > 1 else Conv
            layer = kind(
                features=self.widths[number - 1],
                kernel_size=(size, size),
                strides=stride,
                padding=padding,
                kernel_init=kernel_init,
                bias_init=ones if number in (2, 4, 5) else nn.initializers.zeros,
                name=f"conv{number}",
            )
            return nn.relu(layer(x))

        def norm(x: jax.Array) -> jax.Array:
            return local_response_norm(x) if self.lrn else x

        size, stride, padding = self.stem
        x = norm(conv(x, 1, size, 1, stride, padding))
        x = max_pool(x, 3, 2, self.pool_padding)
        x = norm(conv(x, 2, 5, self.groups, padding=2))
        x = max_pool(x, 3, 2, self.pool_padding)
        x = conv(x, 3, 3, 1)
        x = conv(x, 4, 3, self.groups)
        x = conv(x, 5, 3, self.groups)
        x = max_pool(x, 3, 2, self.pool_padding).reshape(len(x), -1)
        for name in ("fc6", "fc7"):
            x = nn.relu(nn.Dense(self.hidden, kernel_init=kernel_init, bias_init=ones, name=name)(x))
            x = nn.Dropout(0.5, deterministic=not train)(x)
        return nn.Dense(self.classes, kernel_init=kernel_init, name="fc8")(x) if self.classes else x


def alexnet(classes: int = 1000) -> AlexNet:
    """The paper's: two towers, for 227 pixels (its 224 do not give the 55 it states)."""
    return AlexNet(classes)


def alexnet_one_tower(classes: int = 1000) -> AlexNet:
    """Krizhevsky 2014, as in torchvision: no groups, no LRN, for 224 pixels."""
    return AlexNet(classes, (64, 192, 384, 256, 256), groups=1, lrn=False, stem=(11, 4, 2))


def small(net: AlexNet) -> AlexNet:
    """For images of 8 to 32 pixels: a 5×5 stem without stride, a quarter of the features, 256 hidden units."""
    widths = tuple(width // 4 for width in net.widths)
    return net.clone(widths=widths, hidden=256, stem=(5, 1, 2), pool_padding="SAME", paper_init=False)
