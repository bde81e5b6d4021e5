"""A plain convolutional network in which one thing at a time can be changed."""

from __future__ import annotations

import flax.linen as nn
import jax

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.pooling import max_pool


class TwoStage(nn.Module):
    """Two stages of equal convolutions with 2×2 pooling between. Images [B, H, W, C] -> logits [B, classes].

    width: features of the first stage; the second has twice as many. layers: convolutions in a stage, of kernel ×
    kernel. residual: from the second convolution of a stage on, a skip connection goes around every two (He et al.
    2015, equation 1). hidden: units of a dense layer on the flat map; 0 is global average pooling.
    """

    classes: int
    width: int
    layers: int = 3
    kernel: int = 3
    batch_norm: bool = True
    tanh: bool = False
    residual: bool = False
    hidden: int = 0

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        activation = nn.tanh if self.tanh else nn.relu
        # The initialisation that preserves the variance with this activation.
        init = nn.initializers.lecun_normal() if self.tanh else nn.initializers.he_normal()
        for stage in range(2):
            x = max_pool(x, 2) if stage else x
            for layer in range(self.layers):
                if layer % 2:  # the first changes the width
                    start = x
                features, size = self.width * 2**stage, (self.kernel, self.kernel)
                x = Conv(features, size, use_bias=not self.batch_norm, kernel_init=init)(x)
                x = BatchNorm()(x, train) if self.batch_norm else x
                if self.residual and layer and layer % 2 == 0:
                    x = x + start
                x = activation(x)
        if self.hidden:
            x = activation(nn.Dense(self.hidden, kernel_init=init)(x.reshape(len(x), -1)))
        else:
            x = x.mean((1, 2))
        return nn.Dense(self.classes)(x)
