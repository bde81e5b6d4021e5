"""Lossless coding of images with a VAE: bits back with ANS (Townsend, Bird & Barber 2019, arXiv:1901.04866).

For each image: pop the latents z with q(z|x), which draws them; push the image with p(x|z); push the latents with
p(z). The length grows by log q(z|x) − log p(x|z) − log p(z), on average the negative ELBO. Decoding runs backwards
and pushes the popped bits back. The first image of each stream finds nothing to pop from: its latents are the
posterior's means, and its bits are not recovered.

Latents are cut into 2^14 bins of equal mass under the prior (section 2.5 there); z is the median of its bin. Both
sides must compute the same integers. So networks run in float64 and their outputs are rounded to 2⁻¹²: sums in
another order differ by some 10⁻¹⁴, which hardly ever changes the rounded number.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr, ndtri

from deeplearn.codec import rans
from deeplearn.train.trained import Trained

LATENT_BITS = 14  # of a bin under the prior
POSTERIOR_BITS = 24  # precision of the bins' frequencies under the posterior
PIXEL_BITS = 20  # precision of the levels' frequencies
GRID = 2.0**12  # the networks' outputs are rounded to multiples of 1 / GRID


class Encoded(NamedTuple):
    """words: uint32 [n], the message. bits: [N], the net length of each image: what it added minus what it
    recovered (the first image of a stream: would have recovered). not_returned: bits that the first images did not
    recover."""

    words: np.ndarray
    bits: np.ndarray
    not_returned: float


def posterior(vae: Any, levels: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean and standard deviation of q(z|x) for images as levels [n, H, W, C]: [n, latents] each."""
    grey = levels.reshape(len(levels), -1) / (vae.likelihood.levels - 1)
    mean, log_variance = (jnp.round(a.astype(jnp.float64) * GRID) / GRID for a in vae.encode(grey))
    return mean, jnp.exp(jnp.clip(log_variance, -30, 30) / 2)


def level_probabilities(vae: Any, z: jax.Array) -> jax.Array:
    """p(x|z) of each level: z [n, latents] -> [n, pixels, levels]."""
    return vae.likelihood.probabilities(jnp.round(vae.decode(z).astype(jnp.float64) * GRID) / GRID)


def level_starts(probabilities: np.ndarray) -> np.ndarray:
    """Where each level's interval starts, and where the last one ends: [..., levels] -> uint64 [..., levels + 1].

    No level is impossible: each has a frequency of at least one in 2^20.
    """
    levels = probabilities.shape[-1]
    below = np.zeros((*probabilities.shape[:-1], levels + 1))
    np.cumsum(np.maximum(probabilities, 0), axis=-1, out=below[..., 1:])
    below[..., -1] = 1
    shared = np.minimum(below, 1) * (2**PIXEL_BITS - levels)
    return np.floor(shared).astype(np.uint64) + np.arange(levels + 1, dtype=np.uint64)


@functools.cache
def bin_edges() -> np.ndarray:
    """The edges of the latents' bins, from −∞ to ∞: [2^14 + 1]."""
    return ndtri(np.arange(2**LATENT_BITS + 1) / 2**LATENT_BITS)


def bin_median(bins: np.ndarray) -> np.ndarray:
    return ndtri((bins + 0.5) / 2**LATENT_BITS)


def _bin_starts(bins: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Where bins' intervals start under N(mean, std²). A bin may be empty, but a popped one never is."""
    return np.floor(ndtr((bin_edges()[bins] - mean) / std) * 2**POSTERIOR_BITS).astype(np.uint64)


def _bin_interval(bins: np.ndarray, mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    starts = _bin_starts(bins, mean, std)
    return starts, _bin_starts(bins + 1, mean, std) - starts


def _find_bin(points: np.ndarray, mean: np.ndarray, std: np.ndarray) -> rans.Found:
    low, high = np.zeros(len(points), np.int64), np.full(len(points), 2**LATENT_BITS)
    for _ in range(LATENT_BITS):
        middle = (low + high) // 2
        below = _bin_starts(middle, mean, std) <= points
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return low, *_bin_interval(low, mean, std)


def _find_level(points: np.ndarray, starts: np.ndarray) -> rans.Found:
    levels = (starts[:, 1:] <= points[:, None]).sum(1)
    return levels, *_level_interval(levels, starts)


def _level_interval(levels: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = np.arange(len(levels))
    return starts[rows, levels], starts[rows, levels + 1] - starts[rows, levels]


def _find_prior_bin(points: np.ndarray) -> rans.Found:
    return points.astype(np.int64), points, np.ones_like(points)


def encode(trained: Trained, images: np.ndarray, streams: int) -> Encoded:
    """Images as levels [N, H, W, C], `streams` at a time."""
    message, added, not_returned = rans.empty(streams), [], 0.0
    with jax.enable_x64(True):
        for start in range(0, len(images), streams):
            block = images[start : start + streams]
            count = len(block)
            mean, std = (a[:count] for a in _apply(trained, posterior, block, streams))
            bins = np.empty(mean.shape, np.int64)
            bits = np.full(count, mean.shape[1] * float(LATENT_BITS))
            for latent in range(mean.shape[1]):
                given = mean[:, latent], std[:, latent]
                if start == 0:
                    bins[:, latent] = np.minimum(ndtr(given[0]) * 2**LATENT_BITS, 2**LATENT_BITS - 1)
                else:
                    find = functools.partial(_find_bin, mean=given[0], std=given[1])
                    message, bins[:, latent] = rans.pop(message, find, POSTERIOR_BITS, count)
                _, frequencies = _bin_interval(bins[:, latent], *given)
                bits -= POSTERIOR_BITS - np.log2(frequencies)
            if start == 0:
                not_returned = float(count * mean.shape[1] * LATENT_BITS - bits.sum())
            starts = level_starts(_apply(trained, level_probabilities, bin_median(bins), streams)[:count])
            for pixel, levels in enumerate(block.reshape(count, -1).T.astype(np.int64)):
                interval = _level_interval(levels, starts[:, pixel])
                message = rans.push(message, *interval, PIXEL_BITS)
                bits += PIXEL_BITS - np.log2(interval[1])
            for latent in range(mean.shape[1]):
                place = bins[:, latent].astype(np.uint64)
                message = rans.push(message, place, np.ones_like(place), LATENT_BITS)
            added.append(bits)
    return Encoded(rans.flatten(message), np.concatenate(added), not_returned)


def decode(trained: Trained, words: np.ndarray, count: int, streams: int) -> np.ndarray:
    """The images, levels uint8 [count, H, W, C], of a message that `encode` made with these weights and streams.

    rans.UsedUp where the message is too short for so many.
    """
    message = rans.unflatten(words, streams)
    images = np.empty((count, *trained.model.shape), np.uint8)
    # With other weights the message decodes to nonsense, and impossible bins are pushed.
    with jax.enable_x64(True), np.errstate(divide="ignore"):
        for start in reversed(range(0, count, streams)):
            block = images[start : start + streams]  # a view: what is decoded is written here
            bins = np.empty((len(block), trained.model.latents), np.int64)
            for latent in reversed(range(bins.shape[1])):
                message, bins[:, latent] = rans.pop(message, _find_prior_bin, LATENT_BITS, len(block), whole=True)
            starts = level_starts(_apply(trained, level_probabilities, bin_median(bins), streams)[: len(block)])
            pixels = block.reshape(len(block), -1)
            for pixel in reversed(range(pixels.shape[1])):
                find = functools.partial(_find_level, starts=starts[:, pixel])
                message, pixels[:, pixel] = rans.pop(message, find, PIXEL_BITS, len(block), whole=True)
            if start:
                mean, std = _apply(trained, posterior, block, streams)
                for latent in reversed(range(bins.shape[1])):
                    given = mean[: len(block), latent], std[: len(block), latent]
                    message = rans.push(message, *_bin_interval(bins[:, latent], *given), POSTERIOR_BITS)
    return images


def _apply(trained: Trained, function: Any, rows: np.ndarray, streams: int) -> Any:
    """function(vae, rows) as numpy, always on as many rows as there are streams, so that it compiles once."""
    padded = np.zeros((streams, *rows.shape[1:]))
    padded[: len(rows)] = rows
    return jax.tree.map(np.asarray, trained(function, padded))
