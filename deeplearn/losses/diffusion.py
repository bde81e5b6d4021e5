"""The denoising objective of diffusion models, for data of unit variance (levels as in `deeplearn.nn.noise`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.noise import noise_ratio, over, signal_and_noise

LARGEST_WEIGHT = 5.0  # of a prediction of x (Hang et al. 2023, "Min-SNR", γ)

Network = Callable[[jax.Array, jax.Array], jax.Array]


def denoising_loss(
    network: Network, x: jax.Array, key: jax.Array, schedule: str, prediction: str, scale: float = 1.0
) -> jax.Array:
    """E w(r) ‖network(x_t, r) − target‖², a mean over elements (Ho et al. 2020, equation 14, "simple").

    network: (noised [batch, ...], ratio [batch]) -> [batch, ...]. schedule and scale: those of the noise levels.

    prediction: "noise", the target is ε; "v", it is α ε − σ x (Salimans & Ho 2022), which for data of unit variance
    is the preconditioning of Karras et al. 2022; both with w = 1, since their targets are as large at every level.
    "x", the target is x, and w is 1/r², the signal to noise ratio, cut to [1, 5]. With w = 1/r² it would be the
    loss of ε, but then a few examples of little noise decide each gradient, and pure noise, from where samples
    start, counts for nothing: the first cut is that of Hang et al. 2023, the second Salimans & Ho's, section 4.
    """
    assert_shapes(x=(x, "batch ..."))
    key_t, key_noise = jax.random.split(key)
    # One offset for the batch spreads its t evenly: less variance at no cost (Kingma et al. 2021, appendix I.1).
    t = (jax.random.uniform(key_t) + jnp.arange(len(x)) / len(x)) % 1.0
    ratio = noise_ratio(schedule, jnp.clip(t, 1e-5, 1 - 1e-5), scale)
    alpha, sigma = (over(level, x) for level in signal_and_noise(ratio))
    noise = jax.random.normal(key_noise, x.shape)
    targets = {"noise": noise, "v": alpha * noise - sigma * x, "x": x}
    weight = over(jnp.clip(ratio**-2, 1, LARGEST_WEIGHT), x) if prediction == "x" else 1.0
    output = network(alpha * x + sigma * noise, ratio)
    assert_shapes(x=(x, "*shape"), **{"network's output": (output, "*shape")})
    return (weight * jnp.square(output - targets[prediction])).mean()


def diffusion_loss(model: Any, x: jax.Array, *condition: jax.Array) -> jax.Array:
    """`denoising_loss` of a bound `deeplearn.models.diffusion.Diffusion`, with its schedule and prediction.

    x: [batch, ...] in the data's own units. condition: what the denoiser takes beside x_t and its ratio, arrays
    [batch, ...]. Draws from the stream "noise".
    """

    def network(noised: jax.Array, ratio: jax.Array) -> jax.Array:
        output: jax.Array = model.denoiser(noised, ratio, *condition).astype(jnp.float32)
        return output

    x, key = model.normalise(x), model.make_rng("noise")
    return denoising_loss(network, x, key, model.schedule, model.prediction, model.noise_scale)


def drop_labels(label: jax.Array, key: jax.Array, probability: float, none: int) -> jax.Array:
    """Labels [batch], each replaced by `none` with that probability (Ho & Salimans 2021, algorithm 1).

    One network then learns both the conditional and the unconditional score, as guidance needs.
    """
    assert_shapes(label=(label, "batch"))
    return jnp.where(jax.random.bernoulli(key, probability, label.shape), none, label)
