"""DALL·E 2: a caption's vector, from it a picture's, from that a picture (Ramesh et al. 2022, "unCLIP")."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.autoregressive_prior import AutoregressivePrior
from deeplearn.models.clip import Clip
from deeplearn.models.diffusion import Arrays, Diffusion
from deeplearn.models.diffusion_prior import DiffusionPrior
from deeplearn.models.text_reader import TextReader
from deeplearn.models.text_unet import Level, TextUNet
from deeplearn.models.translation import Transformer
from deeplearn.nn.checks import assert_shapes

CONTEXT = 4  # tokens of context that a picture's vector becomes


CLIP_WORDS = 49_408  # of its vocabulary


class PictureReader(nn.Module):
    """What the decoder is told: a picture's vector and its caption, either of which may be left out (section 2.1).

    vector [B, D] of length 1, tokens int32 [B, T], length int32 [B], 0 without a caption, given bool [B], whether
    the vector counts -> (vector [B, D + width], sequence [B, 4 + T, width], mask [B, 4 + T]): the picture's vector
    beside the caption's, to be added to the noise level's, and four tokens of context before the caption's.
    """

    text: TextReader

    @nn.compact
    def __call__(self, vector: jax.Array, tokens: jax.Array, length: jax.Array, given: jax.Array) -> Arrays:
        assert_shapes(vector=(vector, "batch features"), length=(length, "batch"), given=(given, "batch"))
        words, sequence, mask = self.text(tokens, length)
        vector = scaled(jnp.where(given[:, None], vector, 0))
        context = nn.Dense(CONTEXT * sequence.shape[-1], name="context")(vector)
        sequence = jnp.concatenate([context.reshape(len(vector), CONTEXT, -1), sequence], axis=1)
        mask = jnp.concatenate([jnp.repeat(given[:, None], CONTEXT, 1), mask], axis=1)
        return jnp.concatenate([vector, words], axis=-1), sequence, mask


class Unclip(nn.Module):
    """clip: vectors of pictures and of captions. prior: a picture's vector for a caption. reader, decoder: a small
    picture for a picture's vector and a caption. upsamplers: each enlarges what the one before it made, and reads
    nothing else. completer: of captions that leave something open, if there is one.

    The denoisers of decoder and upsamplers are as `deeplearn.models.text_unet.TextUNet`, that of the prior as
    `deeplearn.models.diffusion_prior.DiffusionPrior`.
    """

    clip: Clip
    prior: Diffusion | AutoregressivePrior
    reader: PictureReader
    decoder: Diffusion
    upsamplers: tuple[Diffusion, ...] = ()
    completer: Transformer | None = None


def scaled(vector: jax.Array) -> jax.Array:
    """Vectors of length 1 [..., D], their elements brought to about unit variance, as diffusion wants it."""
    return vector * vector.shape[-1] ** 0.5


def blurred(image: jax.Array, std: jax.Array) -> jax.Array:
    """Images [B, H, W, C] blurred by 3 × 3 pixels of a Gaussian, of the standard deviation std [B] in pixels."""
    assert_shapes(image=(image, "batch height width channels"), std=(std, "batch"))
    side = jnp.exp(-0.5 / jnp.square(std))[:, None, None, None]
    for axis in (1, 2):
        padded = jnp.pad(image, [(1, 1) if a == axis else (0, 0) for a in range(4)], mode="edge")
        length = image.shape[axis]
        before, here, after = (jax.lax.slice_in_dim(padded, k, k + length, axis=axis) for k in range(3))
        image = (side * (before + after) + here) / (1 + 2 * side)
    return image


def unclip_prior(words: int = CLIP_WORDS, length: int = 256) -> DiffusionPrior:
    """The diffusion prior of the paper's table 3, "1 B": its text encoder's width 2048, 24 layers and 32 heads.

    That is all the table says of it. Its transformer has 1.209 billion parameters, which the paper must round; the
    words' vectors (of CLIP's vocabulary 49,408), of which it says nothing, are .101 more.
    """
    return DiffusionPrior(words, length, 2048, 24, 32)


def unclip_decoder(words: int = CLIP_WORDS) -> tuple[PictureReader, TextUNet]:
    """The decoder of table 3, "3.5 B": 512 channels, times 1, 2, 3, 4, three blocks each, attention from 32 pixels.

    Ours has 2.758 billion parameters, .913 of them the text encoder's. The others are in what the table leaves to
    other papers: in the ADM U-Net (Dhariwal & Nichol 2021) a level has one block more on the way up, and halving
    and doubling are blocks, too. And the feed-forward networks of its text encoder, 2048 wide and 24 deep, are
    twice as wide as ours.
    """
    levels = tuple(Level(512 * n, 3, to_itself=n > 1, to_text=n > 1) for n in (1, 2, 3, 4))
    return PictureReader(TextReader(words, 2048, 24, 32)), TextUNet(
        levels, each=True, scale_shift=True, positions=False, head=64
    )


def unclip_upsampler(number: int) -> TextUNet:
    """Those of table 3, which have no attention; they count from 1.

    The first, 64 → 256 pixels, has 320 channels, times 1, 2, 3 and 4, and three blocks each, "700 M", ours 554 M;
    the second, 256 → 1024, 192 channels, times 1, 1, 2, 2, 4 and 4, and two blocks each, "300 M", ours 195 M. What
    is missing is as in `unclip_decoder`.
    """
    width, times, blocks = (320, (1, 2, 3, 4), 3) if number == 1 else (192, (1, 1, 2, 2, 4, 4), 2)
    return TextUNet(tuple(Level(width * n, blocks) for n in times), each=True, scale_shift=True, positions=False)
