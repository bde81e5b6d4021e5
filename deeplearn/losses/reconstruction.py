"""Reconstruction errors of autoencoders.

An `autoencoder` is a bound module: x [batch, pixels] -> (code, logits of the reconstruction [batch, pixels]), as
`models.autoencoder.Autoencoder` and `nn.tied.TiedAutoencoder`; a batch is {"image": [batch, ...] in [0, 1]}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from deeplearn.losses.elbo import bernoulli_log_likelihood
from deeplearn.nn.corruption import gaussian
from deeplearn.nn.functional import flat


def cross_entropy_of_pixels(logits: jax.Array, x: jax.Array) -> jax.Array:
    """Cross-entropy of grey levels x [..., pixels] in [0, 1], summed over pixels, averaged over the rest: nats."""
    return -bernoulli_log_likelihood(logits.astype(jnp.float32), x).mean()


def reconstruction_loss(
    autoencoder: Any, batch: Mapping[str, Any], loss: str = "squared", noise: float = 0.0
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The "squared" error of the pixels, averaged over them, or their "cross_entropy" in nats; metrics: `mse`.

    noise: standard deviation of Gaussian noise on the encoder's input; the target is clean.
    """
    x = flat(batch["image"])
    _, logits = autoencoder(gaussian(autoencoder.make_rng("noise"), x, noise))
    squared = jnp.square(jax.nn.sigmoid(logits.astype(jnp.float32)) - x).mean()
    return squared if loss == "squared" else cross_entropy_of_pixels(logits, x), {"mse": squared}


def reconstruction_error(autoencoder: Any, batch: Mapping[str, Any]) -> dict[str, jax.Array]:
    """{"mse"}: the squared error per pixel without noise, for validation."""
    return reconstruction_loss(autoencoder, batch)[1]
