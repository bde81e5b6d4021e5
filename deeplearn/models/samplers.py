"""Samplers of diffusion models: from noise to data with a denoiser.

A denoiser is a function (x_t [batch, ...], ratio [batch]) -> (x̂, ε̂), already compiled; the loop over levels runs
on the host, since convolutions inside a compiled loop are slow on CPU. Levels as in `deeplearn.nn.noise`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.noise import signal_and_noise

Denoiser = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
Step = Callable[[Denoiser, jax.Array, jax.Array, jax.Array, jax.Array], jax.Array]


def _estimate(denoiser: Denoiser, x: jax.Array, ratio: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(x̂, ε̂) at one level for the whole batch, with a check of all shapes."""
    assert_shapes(x=(x, "batch ..."), ratio=(ratio, ""))
    data, noise = denoiser(x, jnp.full(len(x), ratio))
    assert_shapes(x=(x, "*shape"), **{"denoiser's x̂": (data, "*shape"), "denoiser's ε̂": (noise, "*shape")})
    return data, noise


def ddpm_step(denoiser: Denoiser, x: jax.Array, ratio: jax.Array, lower: jax.Array, key: jax.Array) -> jax.Array:
    """Draws from q(x_s | x_t, x̂), the true posterior at the estimate (Ho et al. 2020, equations 6 and 7)."""
    assert_shapes(ratio=(ratio, ""), lower=(lower, ""))
    (alpha, sigma), (alpha_s, sigma_s) = signal_and_noise(ratio), signal_and_noise(lower)
    data, noise = _estimate(denoiser, x, ratio)
    variance = (sigma_s / sigma) ** 2 * (1 - (alpha / alpha_s) ** 2)
    direction = jnp.sqrt(jnp.maximum(sigma_s**2 - variance, 0))
    return alpha_s * data + direction * noise + jnp.sqrt(variance) * jax.random.normal(key, x.shape)


def ddim_step(denoiser: Denoiser, x: jax.Array, ratio: jax.Array, lower: jax.Array, key: jax.Array) -> jax.Array:
    """The deterministic limit of the same family (Song et al. 2021, equation 12 with no noise)."""
    assert_shapes(ratio=(ratio, ""), lower=(lower, ""))
    alpha_s, sigma_s = signal_and_noise(lower)
    data, noise = _estimate(denoiser, x, ratio)
    return alpha_s * data + sigma_s * noise


def heun_step(denoiser: Denoiser, x: jax.Array, ratio: jax.Array, lower: jax.Array, key: jax.Array) -> jax.Array:
    """Second order on dy/dr = ε̂, y = x/α, of which DDIM is Euler's step (Karras et al. 2022, algorithm 1)."""
    assert_shapes(ratio=(ratio, ""), lower=(lower, ""))
    (alpha, _), (alpha_s, _) = signal_and_noise(ratio), signal_and_noise(lower)
    slope = _estimate(denoiser, x, ratio)[1]
    y = x / alpha + (lower - ratio) * slope
    if lower > 0:  # at 0 there is no noise left to estimate
        slope = (slope + _estimate(denoiser, alpha_s * y, lower)[1]) / 2
        y = x / alpha + (lower - ratio) * slope
    return alpha_s * y


SAMPLERS: dict[str, Step] = {"ddpm": ddpm_step, "ddim": ddim_step, "heun": heun_step}


def sample(step: Step, denoiser: Denoiser, key: jax.Array, shape: tuple[int, ...], ratios: jax.Array) -> jax.Array:
    """Unit-variance data [batch, ...] from noise, by one `step` from each of the falling ratios [levels] to the
    next."""
    assert_shapes(ratios=(ratios, "levels"))
    _, sigma = signal_and_noise(ratios[0])
    x = sigma * jax.random.normal(jax.random.fold_in(key, 0), shape)
    for number in range(len(ratios) - 1):
        x = step(denoiser, x, ratios[number], ratios[number + 1], jax.random.fold_in(key, number + 1))
    return x
