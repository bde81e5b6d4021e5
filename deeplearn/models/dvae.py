"""DALL·E's discrete VAE as it was published (Ramesh et al. 2021, appendix A.1): encoder and decoder.

The paper gives its kinds of blocks; how many there are and how wide is only in the authors' code. What trains here
at a small size is `models.vqvae.VQVAE` with the quantiser "gumbel".
"""

from __future__ import annotations

import flax.linen as nn
import jax

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv

GROUPS, BLOCKS = 4, 2  # resolutions, and residual blocks of each


class Bottleneck(nn.Module):
    """[B, h, w, any] -> [B, h, w, width]: x + f(x) / 64, f four convolutions of `windows` over width/4 channels."""

    width: int
    windows: tuple[int, int, int, int]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        y = x
        for window, width in zip(self.windows, (*(self.width // 4,) * 3, self.width), strict=True):
            y = Conv(width, (window, window))(nn.relu(y))
        if x.shape[-1] != self.width:
            x = nn.Dense(self.width)(x)
        return x + y / (GROUPS * BLOCKS) ** 2


class DVAEEncoder(nn.Module):
    """Pictures [B, H, W, C] -> logits of codes [B, H/8, W/8, codes]."""

    codes: int = 8192
    width: int = 256

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        x = Conv(self.width, (7, 7))(x)
        for group in range(GROUPS):
            for _ in range(BLOCKS):
                x = Bottleneck(self.width * 2**group, (3, 3, 3, 1))(x)
            if group < GROUPS - 1:
                x = nn.max_pool(x, (2, 2), (2, 2))
        return nn.Dense(self.codes)(nn.relu(x))


class DVAEDecoder(nn.Module):
    """Codes [B, h, w, codes], one-hot or mixed -> logit-Laplace's means and log-scales [B, 8h, 8w, 2·channels]."""

    channels: int = 3
    width: int = 256
    first: int = 128

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        x = nn.Dense(self.first)(x)
        for group in reversed(range(GROUPS)):
            for _ in range(BLOCKS):
                x = Bottleneck(self.width * 2**group, (1, 3, 3, 3))(x)
            if group:
                x = x.repeat(2, axis=1).repeat(2, axis=2)
        return nn.Dense(2 * self.channels)(nn.relu(x))
