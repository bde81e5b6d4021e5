"""The denoising objective of diffusion models, for data of unit variance (levels as in `deeplearn.nn.noise`)."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.noise import noise_ratio, signal_and_noise

Network = Callable[[jax.Array, jax.Array], jax.Array]


def _over(level: jax.Array, x: jax.Array) -> jax.Array:
    """[batch] levels shaped to multiply [batch, ...]."""
    return level.reshape(-1, *(1,) * (x.ndim - 1))


def denoising_loss(
    network: Network, x: jax.Array, key: jax.Array, schedule: str, prediction: str, scale: float = 1.0
) -> jax.Array:
    """E ‖network(x_t, r) − target‖², a mean over elements (Ho et al. 2020, equation 14, "simple").

    network: (noised [batch, ...], ratio [batch]) -> [batch, ...]. prediction: "noise", the target is ε; "v", it is
    α ε − σ x (Salimans & Ho 2022), which for data of unit variance is the preconditioning of Karras et al. 2022.
    schedule and scale: of the noise levels.
    """
    assert_shapes(x=(x, "batch ..."))
    key_t, key_noise = jax.random.split(key)
    # One offset for the batch spreads its t evenly: less variance at no cost (Kingma et al. 2021, appendix I.1).
    t = (jax.random.uniform(key_t) + jnp.arange(len(x)) / len(x)) % 1.0
    ratio = noise_ratio(schedule, jnp.clip(t, 1e-5, 1 - 1e-5), scale)
    alpha, sigma = (_over(level, x) for level in signal_and_noise(ratio))
    noise = jax.random.normal(key_noise, x.shape)
    target = noise if prediction == "noise" else alpha * noise - sigma * x
    output = network(alpha * x + sigma * noise, ratio)
    assert_shapes(x=(x, "*shape"), **{"network's output": (output, "*shape")})
    return jnp.square(output - target).mean()


def denoised_and_noise(
    output: jax.Array, noised: jax.Array, ratio: jax.Array, prediction: str
) -> tuple[jax.Array, jax.Array]:
    """(x̂, ε̂) from a network's output, given x_t = α x + σ ε. output, noised: [batch, ...]. ratio: [batch]."""
    assert_shapes(output=(output, "batch *example"), noised=(noised, "batch *example"), ratio=(ratio, "batch"))
    alpha, sigma = (_over(level, noised) for level in signal_and_noise(ratio))
    if prediction == "noise":
        return (noised - sigma * output) / alpha, output
    return alpha * noised - sigma * output, sigma * noised + alpha * output
