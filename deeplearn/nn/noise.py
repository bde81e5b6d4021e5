"""Noise levels of diffusion: x_t = α x + σ ε with α² + σ² = 1, for data of unit variance.

A level is given by its ratio r = σ/α of noise to signal, the "σ" of Karras et al. 2022. A schedule says which
ratios occur in training, by a map of t uniform in (0, 1), and which a sampler visits. A network predicts the noise,
v or the data, from which data and noise are estimated.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri

from deeplearn.nn.checks import assert_shapes

PREDICTIONS = ("noise", "v", "x")
SCHEDULES = ("linear", "cosine", "lognormal")
SMALLEST, LARGEST = 2e-3, 80.0  # ratios (Karras et al. 2022, table 1); every schedule is cut there


def signal_and_noise(ratio: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(α, σ) from r = σ/α, any shape."""
    alpha = jax.lax.rsqrt(1 + ratio**2)
    return alpha, ratio * alpha


def noise_ratio(schedule: str, t: jax.Array, scale: float = 1.0) -> jax.Array:
    """r(t), any shape, rising with t in (0, 1): `scale` times what the schedule says.

    Pixels that repeat their neighbours stay visible under more noise than independent ones, so images of s times
    the side need ratios s times as large to lose as much (Hoogeboom et al. 2023, "simple diffusion", equation 4).

    linear: β(t) from .1 to 20, the limit of DDPM's 1000 steps of 1e-4 to .02 (Ho et al. 2020; Song et al. 2021,
        equation 33): log α = −t²(20 − .1)/4 − .1 t/2.
    cosine: α = cos(πt/2) (Nichol & Dhariwal 2021, without the offset).
    lognormal: log r ~ N(−1.2, 1.2²), the constants of Karras et al. 2022, table 1, there for data of std .5.
    """
    if schedule == "linear":
        log_alpha = -(t**2) * (20 - 0.1) / 4 - 0.1 * t / 2
        ratio = jnp.sqrt(jnp.expm1(-2 * log_alpha))
    elif schedule == "cosine":
        ratio = 1 / jnp.tan(jnp.pi / 2 * (1 - t))  # the tangent itself turns negative where π/2 is rounded up
    elif schedule == "lognormal":
        ratio = jnp.exp(-1.2 + 1.2 * ndtri(t))
    else:
        raise ValueError(f"no noise schedule {schedule!r}: linear, cosine or lognormal")
    return jnp.clip(scale * ratio, SMALLEST, LARGEST)


def sampling_ratios(schedule: str, steps: int, scale: float = 1.0) -> jax.Array:
    """The ratios [steps + 1] that a sampler visits, falling, the last one 0.

    Equal steps of t; for the log-normal schedule the ρ = 7 grid of Karras et al. 2022, equation 5, whose ends are
    the same at every scale.
    """
    if schedule == "lognormal":
        ends = jnp.array([LARGEST, SMALLEST]) ** (1 / 7)
        ratios = jnp.linspace(ends[0], ends[1], steps) ** 7
    else:
        ratios = noise_ratio(schedule, jnp.linspace(1, 0, steps + 1)[:-1], scale)
    return jnp.append(ratios, 0.0)


def even_ratios(steps: int) -> jax.Array:
    """Ratios [steps + 1] from the largest to the smallest in equal steps of their logarithm, the last one 0.

    The "uniform log SNR" of DPM-Solver (Lu et al. 2022, section 3.4).
    """
    return jnp.append(jnp.geomspace(LARGEST, SMALLEST, steps), 0.0)


def over(level: jax.Array, x: jax.Array) -> jax.Array:
    """Levels [batch], shaped to multiply x [batch, ...]."""
    return level.reshape(-1, *(1,) * (x.ndim - 1))


def denoised_and_noise(
    output: jax.Array, noised: jax.Array, ratio: jax.Array, prediction: str
) -> tuple[jax.Array, jax.Array]:
    """(x̂, ε̂) by a network's output at x_t = α x + σ ε, all [batch, ...]; ratio: [batch].

    prediction: "noise", the output is ε̂; "v", it is v̂ = α ε̂ − σ x̂ (Salimans & Ho 2022, section 4); "x", it is x̂.
    """
    assert_shapes(output=(output, "batch *example"), noised=(noised, "batch *example"), ratio=(ratio, "batch"))
    alpha, sigma = (over(level, noised) for level in signal_and_noise(ratio))
    if prediction == "noise":
        return (noised - sigma * output) / alpha, output
    if prediction == "x":
        return output, (noised - alpha * output) / sigma
    return alpha * noised - sigma * output, sigma * noised + alpha * output
