"""Imagen: a text is read, a diffusion model draws a small picture, others enlarge it (Saharia et al. 2022)."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.diffusion import Arrays, Diffusion
from deeplearn.models.text_reader import TextReader
from deeplearn.models.translation import Transformer
from deeplearn.nn.noise import noise_ratio, over, signal_and_noise


class Imagen(nn.Module):
    """reader: of texts. base: of the smallest pictures. upsamplers: each enlarges what the one before it made.
    completer: of captions that leave something open, if there is one.

    The denoisers are as `deeplearn.models.text_unet.TextUNet`.
    """

    reader: TextReader
    base: Diffusion
    upsamplers: tuple[Diffusion, ...] = ()
    completer: Transformer | None = None

    def stage(self, number: int) -> Diffusion:
        """The diffusion of a stage: 0 is the base."""
        return self.upsamplers[number - 1] if number else self.base


def enlarge(image: Any, side: int) -> jax.Array:
    """[B, height, width, C] -> the same with `side` pixels on the smaller side, cubic."""
    batch, height, width, channels = image.shape
    factor = side // min(height, width)
    return jax.image.resize(image, (batch, factor * height, factor * width, channels), "cubic")


def seen_small(small: Any, side: int, t: Any, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What an upsampler is told of smaller pictures [B, height, width, C] in [0, 1], and how noisy they are [B].

    They are enlarged, in [−1, 1], and noise is added at the cosine schedule's level t, one or [B], in [0, 1]
    (section 2.5).
    """
    ratio = noise_ratio("cosine", jnp.broadcast_to(t, len(small)))
    image = 2 * enlarge(small, side) - 1
    alpha, sigma = (over(level, image) for level in signal_and_noise(ratio))
    return alpha * image + sigma * jax.random.normal(key, image.shape), ratio


def dynamic_threshold(image: jax.Array, percentile: jax.Array) -> jax.Array:
    """Pictures [B, ...] whose values should be in [−1, 1], clipped to ±s and divided by s (section 2.3).

    s = max(1, the percentile, in [0, 1], of the picture's own absolute values): high guidance saturates pixels,
    which are pulled inwards here instead of cut off. The percentile 0 is plain clipping.
    """
    values = jnp.abs(image).reshape(len(image), -1)
    bound = over(jnp.maximum(jnp.quantile(values, percentile, axis=1), 1), image)
    return jnp.clip(image, -bound, bound) / bound


def estimate(
    model: Imagen,
    noised: jax.Array,
    ratio: jax.Array,
    condition: Arrays,
    free: Arrays,
    percentile: jax.Array,
    beneath: Any = 0.0,
    guidance: Any = None,
    *,
    number: int,
) -> tuple[jax.Array, jax.Array]:
    """(x̂, ε̂) of stage `number` at x_t [B, H, W, C] and ratio [B]: guided, x̂ thresholded, ε̂ what is left of x_t.

    condition, free: what the stage's denoiser takes besides, for the text and for none. percentile: in [0, 1].
    beneath: [B, H, W, C], the smaller picture enlarged, to which an upsampler's details are added. guidance: as in
    `Diffusion.estimate`.
    """
    diffusion = model.stage(number)
    data, _ = diffusion.estimate(noised, ratio, condition, free, guidance)
    bounded = dynamic_threshold(2 * (diffusion.restore(data) + beneath) - 1, percentile)
    data = diffusion.normalise((bounded + 1) / 2 - beneath)
    alpha, sigma = (over(level, noised) for level in signal_and_noise(ratio))
    return data, (noised - alpha * data) / sigma
