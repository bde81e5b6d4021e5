"""Samplers of diffusion models: from noise to data with a denoiser, and from data to noise.

A denoiser is a function (x_t [batch, ...], ratio [batch]) -> (x̂, ε̂), already compiled; the loop over levels runs
on the host, since convolutions inside a compiled loop are slow on CPU. Levels as in `deeplearn.nn.noise`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.noise import signal_and_noise

Denoiser = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


class Estimate(NamedTuple):
    """What a step found at its first level: x̂ [batch, ...] and the level's ratio []. The next step may use it."""

    data: jax.Array
    ratio: jax.Array


# (denoiser, x_t, ratio, the next level's ratio, key, what the step before found) -> x at the next level.
Step = Callable[[Denoiser, jax.Array, jax.Array, jax.Array, jax.Array, Estimate | None], tuple[jax.Array, Estimate]]


def _estimate(denoiser: Denoiser, x: jax.Array, ratio: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(x̂, ε̂) at one level for the whole batch, with a check of all shapes."""
    assert_shapes(x=(x, "batch ..."), ratio=(ratio, ""))
    data, noise = denoiser(x, jnp.full(len(x), ratio))
    assert_shapes(x=(x, "*shape"), **{"denoiser's x̂": (data, "*shape"), "denoiser's ε̂": (noise, "*shape")})
    return data, noise


def ddpm_step(
    denoiser: Denoiser,
    x: jax.Array,
    ratio: jax.Array,
    lower: jax.Array,
    key: jax.Array,
    before: Estimate | None = None,
) -> tuple[jax.Array, Estimate]:
    """Draws from q(x_s | x_t, x̂), the true posterior at the estimate (Ho et al. 2020, equations 6 and 7)."""
    assert_shapes(ratio=(ratio, ""), lower=(lower, ""))
    (alpha, sigma), (alpha_s, sigma_s) = signal_and_noise(ratio), signal_and_noise(lower)
    data, noise = _estimate(denoiser, x, ratio)
    variance = (sigma_s / sigma) ** 2 * (1 - (alpha / alpha_s) ** 2)
    direction = jnp.sqrt(jnp.maximum(sigma_s**2 - variance, 0))
    drawn = alpha_s * data + direction * noise + jnp.sqrt(variance) * jax.random.normal(key, x.shape)
    return drawn, Estimate(data, ratio)


def ddim_step(
    denoiser: Denoiser,
    x: jax.Array,
    ratio: jax.Array,
    lower: jax.Array,
    key: jax.Array,
    before: Estimate | None = None,
) -> tuple[jax.Array, Estimate]:
    """The deterministic limit of the same family (Song et al. 2021, equation 12 with no noise)."""
    assert_shapes(ratio=(ratio, ""), lower=(lower, ""))
    alpha_s, sigma_s = signal_and_noise(lower)
    data, noise = _estimate(denoiser, x, ratio)
    return alpha_s * data + sigma_s * noise, Estimate(data, ratio)


def heun_step(
    denoiser: Denoiser,
    x: jax.Array,
    ratio: jax.Array,
    lower: jax.Array,
    key: jax.Array,
    before: Estimate | None = None,
) -> tuple[jax.Array, Estimate]:
    """Second order on dy/dr = ε̂, y = x/α, of which DDIM is Euler's step (Karras et al. 2022, algorithm 1)."""
    assert_shapes(ratio=(ratio, ""), lower=(lower, ""))
    (alpha, _), (alpha_s, _) = signal_and_noise(ratio), signal_and_noise(lower)
    data, slope = _estimate(denoiser, x, ratio)
    y = x / alpha + (lower - ratio) * slope
    if lower > 0:  # at 0 there is no noise left to estimate
        slope = (slope + _estimate(denoiser, alpha_s * y, lower)[1]) / 2
        y = x / alpha + (lower - ratio) * slope
    return alpha_s * y, Estimate(data, ratio)


def dpm_solver_step(
    denoiser: Denoiser,
    x: jax.Array,
    ratio: jax.Array,
    lower: jax.Array,
    key: jax.Array,
    before: Estimate | None = None,
) -> tuple[jax.Array, Estimate]:
    """DPM-Solver++(2M), second order by the estimate of the step before (Lu et al. 2022, that paper's algorithm 2).

    In λ = log α/σ = −log r the equation is linear but for x̂, of which two levels give a line. The first step, one
    to no noise at all, where λ has no end, and one after a step of no length (where a schedule is cut) are of first
    order: DDIM's.
    """
    assert_shapes(ratio=(ratio, ""), lower=(lower, ""))
    (_, sigma), (alpha_s, sigma_s) = signal_and_noise(ratio), signal_and_noise(lower)
    data, _ = _estimate(denoiser, x, ratio)
    ahead = data
    if before is not None and before.ratio > ratio and lower > 0:
        half = jnp.log(ratio / lower) / jnp.log(before.ratio / ratio) / 2  # 1/(2 r_i)
        ahead = (1 + half) * data - half * before.data
    return sigma_s / sigma * x + alpha_s * (1 - lower / ratio) * ahead, Estimate(data, ratio)


SAMPLERS: dict[str, Step] = {"ddpm": ddpm_step, "ddim": ddim_step, "heun": heun_step, "dpm++": dpm_solver_step}


def evaluations(sampler: str, levels: int) -> int:
    """How often a sampler that visits so many levels asks the denoiser: Heun twice a step, but for the last."""
    return 2 * levels - 1 if sampler == "heun" else levels


def levels_within(sampler: str, count: int) -> int:
    """The most levels that a sampler can visit within so many evaluations, at least one."""
    return max(1, (count + 1) // 2 if sampler == "heun" else count)


def follow(
    step: Step,
    denoiser: Denoiser,
    key: jax.Array,
    x: jax.Array,
    ratios: jax.Array,
    watch: Callable[[jax.Array], None] | None = None,
) -> jax.Array:
    """x_t [batch, ...] at the first of the ratios [levels], taken by one `step` from each to the next.

    Falling ratios lead towards data. Along rising ones DDIM and Heun lead from data to the noise of which they
    would make them ("inversion"; Song et al. 2021, section 4.3): from the smallest ratio above 0, not 0 itself.

    watch: called on the host with each level's x̂.
    """
    assert_shapes(x=(x, "batch ..."), ratios=(ratios, "levels"))
    before = None
    for number in range(len(ratios) - 1):
        key_now = jax.random.fold_in(key, number + 1)
        x, before = step(denoiser, x, ratios[number], ratios[number + 1], key_now, before)
        if watch is not None:
            watch(before.data)
    return x


def sample(
    step: Step,
    denoiser: Denoiser,
    key: jax.Array,
    shape: tuple[int, ...],
    ratios: jax.Array,
    watch: Callable[[jax.Array], None] | None = None,
) -> jax.Array:
    """Unit-variance data [batch, ...] from noise, by one `step` from each of the falling ratios [levels] to the
    next."""
    assert_shapes(ratios=(ratios, "levels"))
    _, sigma = signal_and_noise(ratios[0])
    x = sigma * jax.random.normal(jax.random.fold_in(key, 0), shape)
    return follow(step, denoiser, key, x, ratios, watch)
