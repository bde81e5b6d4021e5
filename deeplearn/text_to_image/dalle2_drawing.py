"""Pictures by a trained DALL·E 2: what is drawn for captions and for pictures' vectors."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.models.autoregressive_prior import AutoregressivePrior
from deeplearn.models.clip import unit
from deeplearn.models.diffusion import Arrays, Diffusion, strength
from deeplearn.models.imagen import enlarge, seen_small
from deeplearn.models.samplers import SAMPLERS, Denoiser, sample
from deeplearn.models.unclip import Unclip, scaled
from deeplearn.nn.noise import sampling_ratios
from deeplearn.text_to_image.dalle2_config import UnclipConfig
from deeplearn.text_to_image.dalle2_losses import nothing_told
from deeplearn.text_to_image.watched import Watch, in_range, watching

BLOCK = 100  # pictures made at once
DRAWS = 2  # vectors that the prior draws, of which that nearest to the caption's is kept (section 2.2)


def text_vectors(model: Unclip, tokens: jax.Array, length: jax.Array) -> jax.Array:
    return model.clip.texts(tokens, length)


def picture_vectors(model: Unclip, image: jax.Array) -> jax.Array:
    return model.clip.images(image)


def drawn_vectors(model: Unclip, caption: jax.Array, tokens: jax.Array) -> jax.Array:
    assert isinstance(model.prior, AutoregressivePrior)
    return unit(model.prior.draw(caption, tokens))


def prior_estimate(
    model: Unclip, x: jax.Array, ratio: jax.Array, condition: Arrays, free: Arrays, guidance: Any
) -> tuple[jax.Array, jax.Array]:
    assert isinstance(model.prior, Diffusion)
    return model.prior.estimate(x, ratio, condition, free, guidance)


def told(model: Unclip, vector: jax.Array, tokens: jax.Array, length: jax.Array) -> tuple[Arrays, Arrays]:
    """What the decoder is told of vectors and captions, and where neither is given."""
    every = jnp.ones(length.shape, bool)
    free = model.reader(vector, tokens, jnp.zeros_like(length), ~every)
    return model.reader(vector, tokens, length, every), free


def estimate(
    model: Unclip,
    x: jax.Array,
    ratio: jax.Array,
    condition: Arrays,
    free: Arrays,
    guidance: Any,
    *,
    number: int,
) -> tuple[jax.Array, jax.Array]:
    """(x̂, ε̂) of the decoder, number 0, or of an upsampler."""
    diffusion = model.upsamplers[number - 1] if number else model.decoder
    return diffusion.estimate(x, ratio, condition, free, guidance)


def vectors_for(trained: dl.Trained, config: UnclipConfig, tokens: np.ndarray, length: np.ndarray) -> np.ndarray:
    """A picture's vector [N, D] of length 1 for each caption: of DRAWS the nearest to the caption's."""
    caption = trained(text_vectors, tokens, length)
    draws = []
    for number in range(DRAWS):
        own = trained.folded(number)
        if config.prior == "autoregressive":
            draws.append(own(drawn_vectors, caption, tokens))
            continue
        condition = (scaled(caption), tokens)
        told_of = condition, (jnp.zeros_like(caption), np.zeros_like(tokens)), strength(config.prior_guidance)

        def denoiser(x: jax.Array, ratio: jax.Array, own: dl.Trained = own, arrays: Any = told_of) -> Any:
            return own(prior_estimate, x, ratio, *arrays)

        ratios = sampling_ratios("cosine", config.prior_sampling_steps)
        x = sample(SAMPLERS[config.sampler], denoiser, own.key, caption.shape, ratios)
        draws.append(unit(x))
    every = np.stack(draws)  # [draws, N, D]
    best = (every * np.asarray(caption)).sum(-1).argmax(0)
    chosen: np.ndarray = every[best, np.arange(len(best))]
    return chosen


def decoder_of(
    trained: dl.Trained, vector: Any, tokens: np.ndarray, length: np.ndarray, guidance: float
) -> Denoiser:
    """The decoder as a denoiser of pictures [N, side, side, C] for vectors and captions."""
    condition, free = trained(told, vector, tokens, length)

    def denoiser(x: jax.Array, ratio: jax.Array) -> tuple[jax.Array, jax.Array]:
        found: tuple[jax.Array, jax.Array] = trained(
            estimate, x, ratio, condition, free, strength(guidance), number=0
        )
        return found

    return denoiser


def decoder_ratios(config: UnclipConfig) -> jax.Array:
    """The noise levels that are visited from noise to a small picture."""
    return sampling_ratios("lognormal", config.sampling_steps, config.noise_scale)


def finished(trained: dl.Trained, x: jax.Array) -> np.ndarray:
    """The decoder's x [N, side, side, C] of unit variance as pictures in [0, 1]."""
    return in_range(trained.model.decoder, x)


def enlarged(
    trained: dl.Trained, config: UnclipConfig, small: np.ndarray, number: int, watch: Watch | None = None
) -> np.ndarray:
    """Pictures [N, side, side, C] in [0, 1] of upsampler `number`, from 1, of smaller ones."""
    key_small, key = jax.random.split(trained.key)
    diffusion, side, rows = trained.model.upsamplers[number - 1], config.sides[number], len(small)
    seen = seen_small(small, side, config.noised_when_drawn, key_small)
    condition = (*nothing_told(rows), *seen)

    def denoiser(x: jax.Array, level: jax.Array) -> tuple[jax.Array, jax.Array]:
        found: tuple[jax.Array, jax.Array] = trained(estimate, x, level, condition, condition, None, number=number)
        return found

    ratios = sampling_ratios("lognormal", config.upsampler_sampling_steps, diffusion.noise_scale)
    shape = (rows, side, side, small.shape[-1])
    made = partial(in_range, diffusion, beneath=enlarge(small, side))
    return made(sample(SAMPLERS[config.sampler], denoiser, key, shape, ratios, watching(watch, made)))


def pictures(
    trained: dl.Trained,
    config: UnclipConfig,
    channels: int,
    tokens: np.ndarray,
    length: np.ndarray,
    vector: np.ndarray | None = None,
    watch: Watch | None = None,
) -> list[np.ndarray]:
    """Pictures [N, side, side, C] in [0, 1] of every stage, the smallest first, for captions.

    vector: [N, D], of pictures, in place of the prior's. watch: called with the pictures as each level of decoder
    and upsamplers estimates them.
    """
    block, side = min(BLOCK, len(length)), config.sides[0]
    made: list[list[np.ndarray]] = [[] for _ in config.sides]
    for start in range(0, len(length), block):
        rows, own = np.arange(start, start + block) % len(length), trained.folded(start)
        asked = tokens[rows], length[rows]
        wanted = vectors_for(own, config, *asked) if vector is None else vector[rows]
        denoiser = decoder_of(own, wanted, *asked, config.guidance)
        shape = (block, side, side, channels)
        key, levels = own.folded(DRAWS).key, decoder_ratios(config)
        done = partial(finished, trained)
        made[0].append(done(sample(SAMPLERS[config.sampler], denoiser, key, shape, levels, watching(watch, done))))
        for number in range(1, len(config.sides)):
            made[number].append(enlarged(own, config, made[number - 1][-1], number, watch))
    return [np.concatenate(each)[: len(length)] for each in made]
