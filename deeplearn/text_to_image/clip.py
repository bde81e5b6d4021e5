"""A small CLIP of a data set's captioned pictures: its encoders, its loss, what it says of a pair."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from deeplearn.data import Dataset, Vocabulary
from deeplearn.errors import UserError
from deeplearn.losses.contrastive import info_nce
from deeplearn.models.clip import BagOfWords, Clip, PixelVision, ResNetVision
from deeplearn.models.clip_text import ClipText
from deeplearn.models.clip_vision import ClipVision

IMAGE_ENCODERS, TEXT_ENCODERS = ("pixels", "resnet", "vit"), ("bag", "transformer")
HEAD = 32  # features of a head of attention


def small_clip(
    dataset: Dataset,
    image_encoder: str = "pixels",
    text_encoder: str = "bag",
    width: int = 32,
    features: int = 128,
    layers: int = 2,
    patch: int = 4,
    dropout: float = 0.3,
) -> Clip:
    """A CLIP for pictures and captions such as the data set's.

    image_encoder: "pixels", a perceptron of `layers` layers of 32·width features; "resnet", three stages, the first
        of `width` and of half the images' side, each further one twice as wide; or "vit", patches of `patch`
        pixels, 4·width features, `layers` of attention.
    text_encoder: "bag" of words, or "transformer", 4·width features, `layers` of attention.
    features: of the vectors. dropout: fraction of a perceptron's or a transformer's features that training drops.

    UserError where the images do not suit the encoder.
    """
    assert dataset.vocabulary is not None
    height, length = dataset.image_shape[0], dataset.train.spec["tokens"].shape[0]
    words, wide = len(dataset.vocabulary), 4 * width
    heads = max(1, wide // HEAD)
    if wide % heads:
        raise UserError(f"a width of {width} makes {wide} features, which cannot be dealt to {heads} heads")
    if dataset.image_shape[0] != dataset.image_shape[1]:
        raise UserError(f"CLIP reads pictures of one height and width, not of {dataset.image_shape[:2]} pixels")
    if height % (part := {"pixels": 1, "resnet": 2, "vit": patch}[image_encoder]):
        raise UserError(f"pictures of {height} pixels a side cannot be cut into patches of {part}")
    image = {
        "pixels": lambda: PixelVision(32 * width, features, layers, dropout),
        "resnet": lambda: ResNetVision(width, (1, 1, 1), heads, features),
        "vit": lambda: ClipVision(height, patch, wide, layers, heads, 4 * wide, features, "gelu", dropout=dropout),
    }[image_encoder]()
    text = {
        "bag": lambda: BagOfWords(words, features, Vocabulary.unknown),
        "transformer": lambda: ClipText(
            words, wide, layers, heads, 4 * wide, length, features, Vocabulary.end, "gelu", dropout=dropout
        ),
    }[text_encoder]()
    return Clip(image, text)


def same_caption(tokens: jax.Array) -> jax.Array:
    """int32 [batch]: one number for examples of the batch that have one caption, tokens [batch, time]."""
    return jnp.argmax((tokens[:, None] == tokens).all(-1), axis=1).astype(jnp.int32)


def contrast(model: Clip, batch: Mapping[str, jax.Array]) -> tuple[jax.Array, dict[str, jax.Array]]:
    """`info_nce` of a bound Clip; pictures of one `label`, or without it of one caption, are not told apart."""
    images, texts, scale = model(batch["image"], batch["tokens"], batch["length"], train=True)
    alike = batch["label"] if "label" in batch else same_caption(batch["tokens"])
    loss, found = info_nce(images, texts, scale, alike)
    return loss, {**found, "scale": scale}


def picture_vectors(model: Clip, image: jax.Array) -> jax.Array:
    """Of length 1, [batch, features], of images [batch, H, W, C] in [0, 1]."""
    return model.images(image)


def text_vectors(model: Clip, batch: Mapping[str, jax.Array]) -> jax.Array:
    """Of length 1, [batch, features], of the columns tokens and length."""
    return model.texts(batch["tokens"], batch["length"])


def agreement(model: Clip, batch: Mapping[str, jax.Array]) -> jax.Array:
    """The cosine of each picture and its caption, [batch]: what samples are ranked by."""
    return (picture_vectors(model, batch["image"]) * text_vectors(model, batch)).sum(-1)
