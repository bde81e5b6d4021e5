"""Discrete codes of pictures: VQ-VAE, its two levels (VQ-VAE-2), and DALL·E's discrete VAE."""

from __future__ import annotations

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.functional import unmap_pixels
from deeplearn.nn.vector_quantiser import GumbelQuantiser, VectorQuantiser

GROUPS = 8  # of group norm: every width is a multiple of it


def _norm(x: jax.Array, alone: bool) -> jax.Array:
    """Of each place alone, or group norm; a module of the caller."""
    norm: jax.Array = nn.LayerNorm()(x) if alone else nn.GroupNorm(math.gcd(GROUPS, x.shape[-1]))(x)
    return norm


class Residual(nn.Module):
    """x [B, h, w, width] + convolutions of 3×3 and 1×1 (van den Oord et al. 2017, 4.1), normed.

    alone: norms are of each place by itself; otherwise of groups of features, over the picture.
    """

    alone: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        h = Conv(x.shape[-1], (3, 3))(nn.silu(_norm(x, self.alone)))
        return x + nn.Dense(x.shape[-1], kernel_init=nn.initializers.zeros)(nn.silu(h))


class CodeEncoder(nn.Module):
    """Pictures [B, H, W, C] -> [B, H/factor, W/factor, features], by residual blocks of `width`.

    Norms are of each place alone, so that a code says what is near its place. Norms over the picture make the codes
    of all places change with a person's skin, so that new combinations have codes of their own everywhere.
    """

    factor: int
    width: int
    blocks: int
    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        # Patches, and not convolutions with strides: many times less work at the pictures' own size.
        x = nn.Conv(self.width, (self.factor,) * 2, self.factor)(x)
        for _ in range(self.blocks):
            x = Residual(alone=True)(x)
        return nn.Dense(self.features)(nn.silu(_norm(x, alone=True)))


class CodeDecoder(nn.Module):
    """Codes' vectors [B, h, w, features] -> [B, h·factor, w·factor, channels], by residual blocks of `width`.

    The last of them work at twice the codes' resolution, so that neighbouring patches fit together.
    """

    factor: int
    width: int
    blocks: int
    channels: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        x = Conv(self.width, (3, 3))(x)
        for _ in range(self.blocks):
            x = Residual()(x)
        factor = self.factor
        if factor % 2 == 0:
            x = depth_to_space(nn.Dense(2 * self.width)(x), 2)
            x, factor = Residual()(x), factor // 2
        x = nn.silu(_norm(x, alone=False))
        return depth_to_space(nn.Dense(factor**2 * self.channels)(x), factor)


def depth_to_space(x: jax.Array, factor: int) -> jax.Array:
    """[B, h, w, factor²·C] -> [B, h·factor, w·factor, C]: each place becomes a patch."""
    batch, height, width, features = x.shape
    x = x.reshape(batch, height, width, factor, factor, features // factor**2)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height * factor, width * factor, -1)


class VQVAE(nn.Module):
    """A picture as codes of a small alphabet, and back.

    shape: [H, W, C] of pictures. factor: pixels of a code's side. levels: 1, or 2 with a second, coarser grid of
    half the side, which the finer codes know (Razavi et al. 2019, VQ-VAE-2, section 3.1). codes: of each level's
    codebook, `features` long. width: of encoder and decoder. quantiser: "ema", the nearest vector of a codebook
    that follows (VQ-VAE), or "gumbel", a sample of a categorical (DALL·E's discrete VAE). parts: outputs of the
    decoder for a pixel. mean: of the data's pixels.
    """

    shape: tuple[int, int, int]
    factor: int = 4
    levels: int = 1
    codes: int = 512
    features: int = 32
    width: int = 96
    blocks: int = 2
    quantiser: str = "ema"
    parts: int = 1
    mean: float = 0.5

    @property
    def grids(self) -> tuple[tuple[int, int], ...]:
        """(h, w) of each level's codes, the coarser first."""
        height, width, _ = self.shape
        sides = [self.factor * 2**level for level in reversed(range(self.levels))]
        return tuple((height // side, width // side) for side in sides)

    @property
    def tokens(self) -> int:
        """How many codes a picture has."""
        return sum(h * w for h, w in self.grids)

    def setup(self) -> None:
        kind = VectorQuantiser if self.quantiser == "ema" else GumbelQuantiser
        out = self.features if self.quantiser == "ema" else self.codes
        last = self.width if self.levels == 2 else out
        self.encoder = CodeEncoder(self.factor, self.width, self.blocks, last)
        self.decoder = CodeDecoder(self.factor, self.width, 2 * self.blocks, self.shape[2] * self.parts)
        self.codebook = kind(self.codes, self.features)
        if self.levels == 2:
            self.top_encoder = CodeEncoder(2, self.width, self.blocks, out)
            self.top_decoder = CodeDecoder(2, self.width, self.blocks, self.features)
            self.top_codebook = kind(self.codes, self.features)
            self.joint = nn.Dense(out)

    def __call__(
        self, image: jax.Array, temperature: jax.Array | float = 0.0
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Pictures [B, H, W, C] in [0, 1] -> (decoder's outputs, codes int32 [B, tokens], the quantisers' loss)

        The outputs are [B, H, W, C, parts]. temperature: of "gumbel".
        """
        assert_shapes(image=(image, IMAGES))
        more = () if self.quantiser == "ema" else (temperature,)
        fine = self.encoder(image - self.mean)
        if self.levels == 1:
            vectors, codes, loss = self.codebook(fine, *more)
            return self._outputs(vectors), codes.reshape(len(image), -1), loss
        top, top_codes, top_loss = self.top_codebook(self.top_encoder(fine), *more)
        fine = self.joint(jnp.concatenate([fine, self.top_decoder(top)], -1))
        vectors, codes, loss = self.codebook(fine, *more)
        both = [each.reshape(len(image), -1) for each in (top_codes, codes)]
        return self._outputs(_joined(top, vectors)), jnp.concatenate(both, 1), loss + top_loss

    def encode(self, image: jax.Array) -> jax.Array:
        """Pictures [B, H, W, C] in [0, 1] -> codes int32 [B, tokens]: row after row, the coarser grid first."""
        return self(image)[1]

    def decode(self, codes: jax.Array) -> jax.Array:
        """Codes int32 [B, tokens] -> pictures [B, H, W, C] in [0, 1]."""
        return self.shown(self.vectors(codes))

    def vectors(self, codes: jax.Array) -> jax.Array:
        """Codes int32 [B, tokens] -> their vectors [B, h, w, features], of two levels one beside the other."""
        assert_shapes(codes=(codes, f"batch {self.tokens}"))
        grids = self.grids
        if self.levels == 1:
            found: jax.Array = self.codebook.look_up(codes.reshape(-1, *grids[0]))
            return found
        first = math.prod(grids[0])
        top = self.top_codebook.look_up(codes[:, :first].reshape(-1, *grids[0]))
        return _joined(top, self.codebook.look_up(codes[:, first:].reshape(-1, *grids[1])))

    def shown(self, vectors: jax.Array) -> jax.Array:
        """Vectors as `vectors` gives them -> pictures [B, H, W, C] in [0, 1]."""
        return self.picture(self._outputs(vectors))

    def picture(self, outputs: jax.Array) -> jax.Array:
        """The decoder's outputs [B, H, W, C, parts] as pictures [B, H, W, C] in [0, 1].

        One part is a pixel itself; of two, a logit-Laplace's, the first is its median.
        """
        pixels = outputs[..., 0] if self.parts == 1 else unmap_pixels(nn.sigmoid(outputs[..., 0]))
        return jnp.clip(pixels, 0, 1)

    def _outputs(self, vectors: jax.Array) -> jax.Array:
        x = self.decoder(vectors).astype(jnp.float32)
        x = x.reshape(*x.shape[:3], self.shape[2], self.parts)
        return x + self.mean if self.parts == 1 else x


def _joined(top: jax.Array, fine: jax.Array) -> jax.Array:
    """The coarser level's vectors, each at the four places that it covers, beside the finer level's."""
    return jnp.concatenate([top.repeat(2, axis=1).repeat(2, axis=2), fine], -1)
