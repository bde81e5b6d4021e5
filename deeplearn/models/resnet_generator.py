"""The generator of CycleGAN (Zhu et al. 2017, appendix 7.2), after Johnson et al. 2016."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.errors import UserError
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.instance_norm import InstanceNorm
from deeplearn.nn.transposed import TransposedConv

INIT = nn.initializers.normal(0.02)


def reflected(x: jax.Array, width: int) -> jax.Array:
    """Images [B, H, W, C] with so many pixels more on each side, mirrored at the edge."""
    return jnp.pad(x, ((0, 0), (width, width), (width, width), (0, 0)), mode="reflect")


def need_quarters(height: int, width: int) -> None:
    """UserError unless images of that size can be halved twice, and leave two pixels."""
    if height % 4 or width % 4 or min(height, width) < 8:
        raise UserError(
            f"images of {height}×{width} pixels cannot be halved twice: their sides should be multiples of 4, at "
            "least 8: choose another size, such as @64"
        )


class ResidualBlock(nn.Module):
    """x + two 3×3 convolutions of x, with instance norm after both and a ReLU between."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        y = x
        for last in (False, True):
            y = Conv(x.shape[-1], (3, 3), padding="VALID", kernel_init=INIT)(reflected(y, 1))
            y = InstanceNorm()(y)
            y = y if last else nn.relu(y)
        return x + y


class ResNetGenerator(nn.Module):
    """Images [B, H, W, C] in [0, 1] -> [B, H, W, channels] in [0, 1]; H and W multiples of 4.

    Halved twice, `blocks` residual blocks, doubled twice: in the paper's words c7s1-64, d128, d256, R256 …, u128,
    u64, c7s1-3.
    """

    channels: int
    features: int = 64
    blocks: int = 9

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        assert_shapes(image=(image, IMAGES))
        need_quarters(*image.shape[1:3])
        x = Conv(self.features, (7, 7), padding="VALID", kernel_init=INIT)(reflected(2 * image - 1, 3))
        x = nn.relu(InstanceNorm()(x))
        for level in (2, 4):
            x = Conv(level * self.features, (3, 3), 2, 1, kernel_init=INIT)(x)
            x = nn.relu(InstanceNorm()(x))
        for _ in range(self.blocks):
            x = ResidualBlock()(x)
        for level in (2, 1):
            x = TransposedConv(level * self.features, 3, 2, 1, 1, kernel_init=INIT)(x)
            x = nn.relu(InstanceNorm()(x))
        x = Conv(self.channels, (7, 7), padding="VALID", kernel_init=INIT)(reflected(x, 3))
        return nn.sigmoid(x)
