"""The losses of DALL·E 2, a stage each (Ramesh et al. 2022)."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.losses.diffusion import diffusion_loss
from deeplearn.models.clip import unit
from deeplearn.models.diffusion import Arrays, Diffusion
from deeplearn.models.imagen import enlarge, seen_small
from deeplearn.models.unclip import Unclip, blurred, scaled
from deeplearn.nn.functional import area_means
from deeplearn.text_to_image.clip import contrast
from deeplearn.text_to_image.dalle2_config import UnclipConfig


def align(model: Unclip, batch: dl.Batch) -> dl.Losses:
    """1. CLIP: pictures and captions in one space."""
    return contrast(model.clip, batch)


def _left_out(model: Unclip, fraction: float, length: jax.Array) -> jax.Array:
    return jax.random.bernoulli(model.make_rng("noise"), fraction, length.shape)


def imagine(model: Unclip, batch: dl.Batch, config: UnclipConfig) -> dl.Losses:
    """2. The prior: a picture's vector for a caption, by denoising it (equation 2) or code by code.

    Levels of little noise count up to five times as much, as in `losses.diffusion`; in the paper all count alike.
    """
    tokens, length = batch["tokens"], batch["length"]
    picture, caption = model.clip.images(batch["image"]), model.clip.texts(tokens, length)
    none = _left_out(model, config.drop_prior_text, length)[:, None]
    caption, tokens = jnp.where(none, 0, caption), jnp.where(none, 0, tokens)
    if isinstance(model.prior, Diffusion):
        return diffusion_loss(model.prior, scaled(picture), scaled(caption), tokens), {}
    logits, codes = model.prior(picture, caption, tokens)
    nll = optax.softmax_cross_entropy_with_integer_labels(logits, codes).mean()
    return nll, {"code_accuracy": (logits.argmax(-1) == codes).mean()}


def decode(model: Unclip, batch: dl.Batch, config: UnclipConfig) -> dl.Losses:
    """3. The decoder: a small picture for a picture's vector and its caption.

    Noise on the vector, which the paper does not have, teaches it to draw what is meant where a vector is no
    picture's own: the prior's, those between pictures, those that a difference of texts has moved.
    """
    tokens, length = batch["tokens"], batch["length"]
    given = ~_left_out(model, config.drop_vector, length)
    length = jnp.where(_left_out(model, config.drop_text, length), 0, length)
    vector = noised(model.clip.images(batch["image"]), config.noised_vector, model.make_rng("noise"))
    condition = model.reader(vector, tokens, length, given)
    return diffusion_loss(model.decoder, area_means(batch["image"], config.sides[0]), *condition), {}


def noised(vector: jax.Array, most: float, key: jax.Array) -> jax.Array:
    """Vectors [B, D] of length 1, moved by Gaussian noise of 0 to `most` of their length, at length 1 again."""
    key_level, key = jax.random.split(key)
    level = most * jax.random.uniform(key_level, (len(vector), 1))
    return unit(vector + level * jax.random.normal(key, vector.shape) / math.sqrt(vector.shape[-1]))


def enlarge_it(model: Unclip, batch: dl.Batch, config: UnclipConfig, number: int) -> dl.Losses:
    """4. An upsampler: crops of a picture for those of a smaller one, blurred and noised (section 2.1)."""
    diffusion, side = model.upsamplers[number - 1], config.sides[number]
    image, rows = area_means(batch["image"], side), len(batch["image"])
    key, key_blur, key_noise, key_place = jax.random.split(model.make_rng("noise"), 4)
    small = area_means(batch["image"], config.sides[number - 1])
    small = blurred(small, jax.random.uniform(key_blur, (rows,), minval=0.1, maxval=config.blur))
    t = config.noised * jax.random.uniform(key, (rows,))
    smaller, ratio = seen_small(small, side, t, key_noise)
    size = side // 2
    corner = jax.random.randint(key_place, (rows, 2), 0, side - size + 1)

    def cropped(images: jax.Array) -> jax.Array:
        cut = jax.vmap(lambda x, at: jax.lax.dynamic_slice(x, (at[0], at[1], 0), (size, size, x.shape[-1])))
        return cut(images, corner)

    details = cropped(image - enlarge(small, side))
    return diffusion_loss(diffusion, details, *nothing_told(rows), cropped(smaller), ratio), {}


def nothing_told(rows: int) -> Arrays:
    """The condition of a U-Net that reads nothing but a smaller picture: no vector, no sequence."""
    return np.zeros((rows, 1), np.float32), np.zeros((rows, 1, 1), np.float32), np.zeros((rows, 1), bool)
