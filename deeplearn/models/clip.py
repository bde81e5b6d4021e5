"""CLIP: pictures and texts as vectors of one space (Radford et al. 2021, "Learning transferable visual models")."""

from __future__ import annotations

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.clip_text import clip_text_vit_l_14
from deeplearn.models.clip_vision import clip_vision_vit_l_14
from deeplearn.models.resnet import ResNet
from deeplearn.models.text_unet import space_to_depth
from deeplearn.models.token_encoder import inside_lengths
from deeplearn.nn.checks import IMAGES, assert_integers, assert_shapes
from deeplearn.nn.functional import area_means
from deeplearn.nn.multi_head import CrossAttention
from deeplearn.nn.positions import LearnedPositions

WARMEST, COLDEST = math.log(1 / 0.07), math.log(100.0)  # of log s: at first, and at most (section 2.5)


class Clip(nn.Module):
    """An encoder of pictures and one of texts whose vectors are near where a text names a picture.

    image: a module with `vectors(images [batch, H, W, C] in [−1, 1], train) -> [batch, features]`.
    text: a module with `vectors(tokens int32 [batch, time], length int32 [batch], train) -> [batch, features]`.
    """

    image: nn.Module
    text: nn.Module

    def setup(self) -> None:
        self.log_scale = self.param("log_scale", nn.initializers.constant(WARMEST), ())

    def images(self, image: jax.Array, train: bool = False) -> jax.Array:
        """Images [batch, H, W, C] in [0, 1] -> vectors of length 1, [batch, features]."""
        assert_shapes(image=(image, IMAGES))
        return unit(self.image.vectors(2 * image - 1, train))

    def texts(self, tokens: jax.Array, length: jax.Array, train: bool = False) -> jax.Array:
        """tokens int32 [batch, time], length int32 [batch] -> vectors of length 1, [batch, features]."""
        return unit(self.text.vectors(tokens, length, train))

    @property
    def scale(self) -> jax.Array:
        """What cosines are multiplied by to be logits, 1 over the learned temperature: at most 100."""
        # The value is cut off and its gradient is not, or a scale beyond 100 could never come back.
        excess = jax.lax.stop_gradient(jnp.maximum(self.log_scale - COLDEST, 0))
        return jnp.exp(self.log_scale - excess)

    def __call__(
        self, image: jax.Array, tokens: jax.Array, length: jax.Array, train: bool = False
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Vectors of the pictures, of the texts, and the scale."""
        return self.images(image, train), self.texts(tokens, length, train), self.scale


def unit(x: jax.Array) -> jax.Array:
    """Vectors [batch, features] at length 1; one of zeros stays one, and has a gradient."""
    return x * jax.lax.rsqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-12)


class ResNetVision(nn.Module):
    """A residual network whose last maps are read by attention (section 2.4): vectors [batch, projection].

    Images are taken apart into patches of 2 × 2 pixels first: at half the side it costs a quarter.
    width: features of the first stage, doubled from stage to stage; stages: residual blocks of each; heads: of the
    attention from the mean of all places to all places, which divide the last width.
    """

    width: int
    stages: tuple[int, ...]
    heads: int
    projection: int

    @nn.compact
    def vectors(self, image: jax.Array, train: bool = False) -> jax.Array:
        body = ResNet(0, self.stages, bottleneck=False, width=self.width, small_stem=True, pooled=False)
        x = body(space_to_depth(image, 2), train)
        x = x.reshape(len(x), -1, x.shape[-1])
        x = jnp.concatenate([x.mean(1, keepdims=True), x], 1)
        x = LearnedPositions(x.shape[1])(x)
        x = CrossAttention(self.heads)(x[:, :1], x)[:, 0]
        return nn.Dense(self.projection, use_bias=False)(x)


class PixelVision(nn.Module):
    """A perceptron of pixels whose every layer drops features: vectors [batch, projection].

    For pictures that are drawn on one grid, such as emoji: what is seen it knows by where it is. Pictures of more
    than `largest` pixels a side are seen as means of areas. width: features of each of `layers` layers, which have
    layer norm. A linear map passes them by.
    """

    width: int
    projection: int
    layers: int = 2
    dropout: float = 0.3
    largest: int = 32

    @nn.compact
    def vectors(self, image: jax.Array, train: bool = False) -> jax.Array:
        def dropped(x: jax.Array) -> jax.Array:
            return nn.Dropout(self.dropout, deterministic=not train)(x)

        side = min(image.shape[1:3])
        whole = next(
            factor for factor in range(1, side + 1) if not side % factor and side // factor <= self.largest
        )
        image = area_means(image, side // whole)
        x = dropped(image.reshape(len(image), -1))
        straight = nn.Dense(self.projection)(x)
        for _ in range(self.layers):
            x = dropped(nn.silu(nn.LayerNorm()(nn.Dense(self.width)(x))))
        return straight + nn.Dense(self.projection, use_bias=False)(x)


class BagOfWords(nn.Module):
    """A text as the sum of its words' vectors: vectors [batch, projection].

    Words that were never seen together add up; but it cannot tell "a cat on a mat" from "a mat on a cat".
    vocabulary: number of tokens. unknown: the token of words that are not in the vocabulary, which add nothing.
    """

    vocabulary: int
    projection: int
    unknown: int | None = None

    @nn.compact
    def vectors(self, tokens: jax.Array, length: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(tokens=(tokens, "batch time"), length=(length, "batch"))
        assert_integers(tokens=tokens, length=length)
        words = nn.Embed(self.vocabulary, self.projection, embedding_init=nn.initializers.normal(1.0))(tokens)
        inside = (inside_lengths(tokens, length) & (tokens != self.unknown))[..., None]
        return jnp.where(inside, words, 0).sum(1)


def clip_vit_l_14() -> Clip:
    """CLIP ViT-L/14 (table 20): 427,616,513 parameters."""
    return Clip(clip_vision_vit_l_14(), clip_text_vit_l_14())
