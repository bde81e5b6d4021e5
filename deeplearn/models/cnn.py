"""A small residual network for small images, halved by max pooling between its stages."""

from __future__ import annotations

import flax.linen as nn
import jax

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.pooling import max_pool


class Block(nn.Module):
    """ReLU(x + F(x)), F two 3×3 convolutions or a bottleneck (He et al. 2015): [B, H, W, C] -> [B, H, W, features].

    A bottleneck is 1×1, 3×3, 1×1 with a quarter of the features inside. Where C is not `features`, x goes through a
    1×1 convolution.
    """

    features: int
    bottleneck: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        narrow = max(1, self.features // 4)
        layers = [(narrow, 1), (narrow, 3), (self.features, 1)] if self.bottleneck else [(self.features, 3)] * 2
        y = x
        for number, (features, size) in enumerate(layers):
            y = nn.relu(y) if number else y
            y = conv_norm(y, features, size, train)
        if x.shape != y.shape:
            x = conv_norm(x, self.features, 1, train)
        return nn.relu(x + y)


class CNN(nn.Module):
    """Images [B, H, W, C] -> logits [B, classes], or with classes=0 features [B, D] after global pooling.

    A 3×3 convolution, a stage of residual blocks for each of `widths`, the mean over all positions, dropout and a
    dense layer. Max pooling halves the image before each stage but the first, so H and W are at least 2^(stages −
    1). Three stages of three blocks are the ResNet-20 of He et al. 2015, section 4.2, except that it has strides in
    place of pooling.
    """

    classes: int
    widths: tuple[int, ...] = (32, 64)
    blocks: int = 1
    bottleneck: bool = False
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        x = nn.relu(conv_norm(x, self.widths[0], 3, train))
        for stage, features in enumerate(self.widths):
            x = max_pool(x, 2) if stage else x
            for _ in range(self.blocks):
                x = Block(features, self.bottleneck)(x, train)
        x = nn.Dropout(self.dropout, deterministic=not train)(x.mean((1, 2)))
        return nn.Dense(self.classes)(x) if self.classes else x


def conv_norm(x: jax.Array, features: int, size: int, train: bool) -> jax.Array:
    """A size × size convolution and batch norm, inside a compact method: [B, H, W, C] -> [B, H, W, features]."""
    x = Conv(features, (size, size), use_bias=False, kernel_init=nn.initializers.he_normal())(x)
    return BatchNorm()(x, train)
