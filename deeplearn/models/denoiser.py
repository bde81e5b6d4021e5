"""Networks that denoise: an MLP for points, a U-Net for images (Ho et al. 2020, appendix B).

Both take (x_t [batch, ...], ratio [batch] of noise to signal, label [batch] int32) and return the shape of x_t.
The label `classes` stands for "no label"; without classes the label is ignored.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import IMAGES, assert_integers, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.waves import with_waves

GROUPS = 8  # of group norm: every width of a U-Net is a multiple of it


def level_features(ratio: jax.Array, size: int) -> jax.Array:
    """Sines and cosines of log r, [batch] -> [batch, size], their frequencies from .1 to 10."""
    assert_shapes(ratio=(ratio, "batch"))
    angles = jnp.log(ratio)[:, None] * jnp.logspace(-1, 1, size // 2)
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)


class Condition(nn.Module):
    """Noise level and label as one vector: [batch] and [batch] -> [batch, width]."""

    width: int
    classes: int

    @nn.compact
    def __call__(self, ratio: jax.Array, label: jax.Array) -> jax.Array:
        assert_shapes(ratio=(ratio, "batch"), label=(label, "batch"))
        assert_integers(label=label)
        vector = nn.Dense(self.width)(level_features(ratio, 64))
        if self.classes:
            # As large as the noise level's part; with Flax's own initialisation, 1/√width, it would be negligible.
            vector += nn.Embed(self.classes + 1, self.width, embedding_init=nn.initializers.normal(1.0))(label)
        return nn.Dense(self.width)(nn.silu(vector))


class DenoisingMLP(nn.Module):
    """Residual blocks of width `width`; the condition is added to the first layer. [batch, D] -> [batch, D].

    The inputs are points with sines and cosines of themselves (`deeplearn.nn.waves`).
    """

    width: int = 160
    blocks: int = 3
    classes: int = 0

    @nn.compact
    def __call__(self, x: jax.Array, ratio: jax.Array, label: jax.Array) -> jax.Array:
        assert_shapes(x=(x, "batch features"), ratio=(ratio, "batch"), label=(label, "batch"))
        h = nn.Dense(self.width)(with_waves(x, (1.0, 2.0, 4.0)))
        h = nn.silu(h + Condition(self.width, self.classes)(ratio, label))
        for _ in range(self.blocks):
            h = h + nn.silu(nn.Dense(self.width)(h))
        return nn.Dense(x.shape[-1], kernel_init=nn.initializers.zeros)(h)


class ResidualBlock(nn.Module):
    """GroupNorm, SiLU, 3×3 convolution, twice, the condition added between. [B, H, W, C] -> [B, H, W, width].

    scale_shift: the condition also scales what the second norm gives (Dhariwal & Nichol 2021, section 3.1).
    """

    width: int
    scale_shift: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES), condition=(condition, "batch condition"))
        h = Conv(self.width, (3, 3))(nn.silu(nn.GroupNorm(GROUPS)(x)))
        if self.scale_shift:
            scale, shift = jnp.split(nn.Dense(2 * self.width)(condition)[:, None, None], 2, axis=-1)
            h = nn.GroupNorm(GROUPS)(h) * (1 + scale) + shift
        else:
            h = nn.GroupNorm(GROUPS)(h + nn.Dense(self.width)(condition)[:, None, None])
        # The last convolution starts at zero: at first a block is its skip connection.
        h = Conv(self.width, (3, 3), kernel_init=nn.initializers.zeros)(nn.silu(h))
        return h + (x if x.shape[-1] == self.width else nn.Dense(self.width)(x))


def resolutions(height: int, width: int) -> int:
    """How many resolutions a U-Net has that halves images until a side is odd or below 8.

    With only two for 28×28 pixels it drew strokes that made no letter.
    """
    count = 1
    while min(height, width) >= 8 and height % 2 == width % 2 == 0:
        height, width, count = height // 2, width // 2, count + 1
    return count


class UNet(nn.Module):
    """Encoder and decoder over `len(widths)` resolutions with skip connections between. [B, H, W, C] -> same.

    waves: the first layer also sees sines and cosines of the pixels at these angular frequencies, so that it knows
        the grey levels of images from values between (Kingma et al. 2021, appendix C).
    """

    widths: tuple[int, ...] = (32, 64)
    classes: int = 0
    waves: tuple[float, ...] = ()

    @nn.compact
    def __call__(self, x: jax.Array, ratio: jax.Array, label: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES), ratio=(ratio, "batch"), label=(label, "batch"))
        channels = x.shape[-1]
        condition = nn.silu(Condition(4 * self.widths[0], self.classes)(ratio, label))
        h = Conv(self.widths[0], (3, 3))(with_waves(x, self.waves))
        skips = []
        for level, width in enumerate(self.widths):
            if level:
                h = Conv(width, (3, 3), strides=2)(h)
            h = ResidualBlock(width)(h, condition)
            skips.append(h)
        # Convolutions do not know the position, and a class depends on the positions of its strokes.
        h += nn.Dense(h[0].size)(condition).reshape(h.shape)
        h = ResidualBlock(self.widths[-1])(h, condition)
        for level, width in reversed(list(enumerate(self.widths))):
            h = ResidualBlock(width)(jnp.concatenate([h, skips[level]], axis=-1), condition)
            if level:
                h = Conv(self.widths[level - 1], (3, 3))(h.repeat(2, axis=1).repeat(2, axis=2))
        out = nn.silu(nn.GroupNorm(GROUPS)(h))
        return Conv(channels, (3, 3), kernel_init=nn.initializers.zeros)(out)
