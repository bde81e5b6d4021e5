"""Densely connected networks (Huang et al. 2017), the compressed bottleneck form DenseNet-BC.

Modules have torchvision's names without "features": denseblock1.denselayer1.conv1 is
denseblock1_denselayer1/conv1.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.pooling import avg_pool, max_pool

HE = nn.initializers.he_normal()


class DenseLayer(nn.Module):
    """BN-ReLU-1×1 to 4·growth, BN-ReLU-3×3 to `growth`; its output is concatenated to its input."""

    growth: int
    epsilon: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        y = nn.relu(BatchNorm(epsilon=self.epsilon, name="norm1")(x, train))
        y = Conv(4 * self.growth, (1, 1), use_bias=False, kernel_init=HE, name="conv1")(y)
        y = nn.relu(BatchNorm(epsilon=self.epsilon, name="norm2")(y, train))
        y = Conv(self.growth, (3, 3), padding=1, use_bias=False, kernel_init=HE, name="conv2")(y)
        return jnp.concatenate([x, y], axis=-1)


class Transition(nn.Module):
    """BN-ReLU-1×1 to half the features, then 2×2 average pooling."""

    epsilon: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        y = nn.relu(BatchNorm(epsilon=self.epsilon, name="norm")(x, train))
        y = Conv(x.shape[-1] // 2, (1, 1), use_bias=False, kernel_init=HE, name="conv")(y)
        return avg_pool(y, 2)


class DenseNet(nn.Module):
    """Images [B, H, W, C] -> logits [B, classes], or with classes=0 features [B, D] after global pooling.

    `small_stem` is the paper's for 32-pixel images: 3×3 to 2·growth features, no stride, no pooling. In Keras ε is
    1.001e-5.
    """

    classes: int = 1000
    blocks: tuple[int, ...] = (6, 12, 24, 16)
    growth: int = 32
    epsilon: float = 1e-5
    small_stem: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        kernel, stride = (3, 1) if self.small_stem else (7, 2)
        x = Conv(
            2 * self.growth,
            (kernel, kernel),
            stride,
            padding=kernel // 2,
            use_bias=False,
            kernel_init=HE,
            name="conv0",
        )(x)
        if not self.small_stem:
            x = nn.relu(BatchNorm(epsilon=self.epsilon, name="norm0")(x, train))
            x = max_pool(x, 3, 2, padding=1)
        for block, depth in enumerate(self.blocks, start=1):
            for layer in range(1, depth + 1):
                name = f"denseblock{block}_denselayer{layer}"
                x = DenseLayer(self.growth, self.epsilon, name=name)(x, train)
            if block < len(self.blocks):
                x = Transition(self.epsilon, name=f"transition{block}")(x, train)
        x = nn.relu(BatchNorm(epsilon=self.epsilon, name="norm5")(x, train)).mean((1, 2))
        return nn.Dense(self.classes, name="classifier")(x) if self.classes else x


def densenet121(classes: int = 1000) -> DenseNet:
    return DenseNet(classes, (6, 12, 24, 16))


def densenet169(classes: int = 1000) -> DenseNet:
    return DenseNet(classes, (6, 12, 32, 32))


def densenet201(classes: int = 1000) -> DenseNet:
    return DenseNet(classes, (6, 12, 48, 32))


def keras_form(net: DenseNet) -> DenseNet:
    """The same net as in Keras applications."""
    return net.clone(epsilon=1.001e-5)


def small(net: DenseNet) -> DenseNet:
    """For images of 8 to 32 pixels, like the paper's for CIFAR: three blocks of 4, 6 or 8 layers, growth 12."""
    depth = sum(net.blocks) // 12
    return net.clone(blocks=(depth,) * 3, growth=12, small_stem=True)
