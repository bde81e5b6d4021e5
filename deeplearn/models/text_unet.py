"""A U-Net that draws what a text says: residual blocks, attention to the text, a smaller picture beside it.

The options are those of the U-Nets of Imagen (Saharia et al. 2022, appendices B and F): "Efficient U-Net" has more
blocks where pictures are small, halves before it convolves and divides skip connections by √2.
"""

from __future__ import annotations

import dataclasses
import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.denoiser import GROUPS, ResidualBlock, level_features
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.multi_head import CrossAttention, SelfAttention

LEVEL_FEATURES = 64  # sines and cosines of a noise level


@dataclasses.dataclass(frozen=True)
class Level:
    """One resolution of a U-Net: its channels, residual blocks on each way, and whether they end in attention."""

    width: int
    blocks: int = 1
    to_itself: bool = False
    to_text: bool = False


class Attention(nn.Module):
    """Places look at each other, then at the text: x [B, H, W, C] -> the same.

    head: features of each head. sequence: [B, T, any features]; mask: [B, T], true where it is real.
    """

    level: Level
    head: int

    @nn.compact
    def __call__(self, x: jax.Array, sequence: jax.Array, mask: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES), sequence=(sequence, "batch time features"), mask=(mask, "batch time"))
        places, heads = x.reshape(len(x), -1, x.shape[-1]), max(1, x.shape[-1] // self.head)
        if self.level.to_itself:
            places += SelfAttention(heads)(nn.GroupNorm(GROUPS)(places))
        if self.level.to_text:
            places += CrossAttention(heads)(nn.GroupNorm(GROUPS)(places), sequence, mask)
        return places.reshape(x.shape)


class TextUNet(nn.Module):
    """x [B, H, W, C], ratio [B], vector [B, D], sequence [B, T, E], mask [B, T] -> [B, H, W, C].

    levels: from the largest pictures to the smallest, each half of the one before.
    patch: pictures come as patches of so many pixels a side, each one place (space to depth).
    halve_first: the first level, too, is half as large as what comes in (Efficient U-Net).
    middle: residual blocks between the way down and the way up, attention behind the first.
    each: attention and a skip connection behind each residual block (Dhariwal & Nichol 2021); otherwise behind the
        last of each level.
    positions: dense layers take the condition to every place of the smallest pictures and, as a picture beside x,
        to every pixel: convolutions do not know their position, and what is drawn first, from nearly pure noise, is
        a mean picture of what is asked for. Their sizes fix H and W.
    condition: features of what blocks are told of noise level and vector; four times the first width unless given.
    scale_shift: the condition scales and shifts features; otherwise it is added.
    head: features of each head of attention.

    ratio: of noise to signal in x. vector: what is to be seen, of one length; sequence: the same word by word, with
    a mask that is true where it is real; a picture of nothing in particular has a vector of zeros and a mask of
    none. low: [B, H, W, C], a smaller picture enlarged, to which x adds the details, with the ratio low_ratio [B]
    of the noise that was added to it (noise conditioning augmentation, section 2.5).
    """

    levels: tuple[Level, ...] = (Level(64), Level(128, to_itself=True, to_text=True))
    patch: int = 1
    halve_first: bool = False
    middle: int = 1
    each: bool = False
    positions: bool = True
    condition: int | None = None
    scale_shift: bool = False
    head: int = 32

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        ratio: jax.Array,
        vector: jax.Array,
        sequence: jax.Array,
        mask: jax.Array,
        low: jax.Array | None = None,
        low_ratio: jax.Array | None = None,
    ) -> jax.Array:
        assert_shapes(x=(x, IMAGES), ratio=(ratio, "batch"), vector=(vector, "batch condition"))
        self._assert_room(x)
        first, channels = self.levels[0].width, x.shape[-1]
        told = self.condition or 4 * first
        condition = nn.Dense(told, name="level")(level_features(ratio, LEVEL_FEATURES))
        condition += nn.Dense(told, False, name="vector")(vector)
        h = x
        if low is not None and low_ratio is not None:
            assert_shapes(x=(x, IMAGES), low=(low, IMAGES), low_ratio=(low_ratio, "batch"))
            condition += nn.Dense(told, name="low_level")(level_features(low_ratio, LEVEL_FEATURES))
            h = jnp.concatenate([x, low], axis=-1)
        condition = nn.silu(nn.Dense(told, name="condition")(nn.silu(condition)))

        def block(h: jax.Array, level: Level, attends: bool) -> jax.Array:
            h = ResidualBlock(level.width, self.scale_shift)(h, condition)
            attends &= level.to_itself or level.to_text
            return Attention(level, self.head)(h, sequence, mask) if attends else h

        if self.positions:
            mean_picture = nn.Dense(x[0].size, name="mean_picture")(condition).reshape(x.shape)
            h = jnp.concatenate([h, mean_picture], axis=-1)
        h = Conv(first, (3, 3))(space_to_depth(h, self.patch))
        skips = []
        for number, level in enumerate(self.levels):
            if number or self.halve_first:
                h = Conv(level.width, (3, 3), strides=2)(h)
            for count in range(level.blocks):
                last = self.each or count == level.blocks - 1
                h = block(h, level, attends=last)
                skips += [h] if last else []
        if self.positions:
            h += nn.Dense(h[0].size, name="positions")(condition).reshape(h.shape)
        for count in range(self.middle):
            h = block(h, self.levels[-1], attends=count == 0)
        for number, level in reversed(list(enumerate(self.levels))):
            for count in range(level.blocks):
                if self.each or count == 0:
                    h = jnp.concatenate([h, skips.pop() / math.sqrt(2)], axis=-1)
                h = block(h, level, attends=self.each or count == level.blocks - 1)
            if number or self.halve_first:
                h = Conv(self.levels[max(number - 1, 0)].width, (3, 3))(h.repeat(2, axis=1).repeat(2, axis=2))
        h = nn.silu(nn.GroupNorm(GROUPS)(h))
        out = Conv(channels * self.patch**2, (3, 3), kernel_init=nn.initializers.zeros, name="out")(h)
        return depth_to_space(out, self.patch)

    def _assert_room(self, x: jax.Array) -> None:
        side = self.patch * 2 ** (len(self.levels) - 1 + self.halve_first)
        if x.shape[1] % side or x.shape[2] % side:
            raise ValueError(f"pictures of {x.shape[1]}×{x.shape[2]} pixels cannot be cut and halved by {side}")


def space_to_depth(x: jax.Array, patch: int) -> jax.Array:
    """[B, H, W, C] -> [B, H/patch, W/patch, patch² C]: each square of pixels becomes one place."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // patch, patch, width // patch, patch, channels)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height // patch, width // patch, -1)


def depth_to_space(x: jax.Array, patch: int) -> jax.Array:
    """The inverse of `space_to_depth`."""
    batch, height, width, _ = x.shape
    x = x.reshape(batch, height, width, patch, patch, -1).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(batch, height * patch, width * patch, -1)


def nothing_said(batch: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(vector, sequence, mask) of so many pictures for a `TextUNet` that is told nothing."""
    return jnp.zeros((batch, 1)), jnp.zeros((batch, 1, 1)), jnp.zeros((batch, 1), bool)
