"""Objectives and bounds of a variational autoencoder: the ELBO, and the tighter bounds of several draws.

A `vae` is a bound module with `observe`, `encode`, `decode` and `likelihood`, as `deeplearn.models.vae.VAE`; a
batch is {"image": [batch, height, width, channels] in [0, 1]}. All is in nats per image, summed over pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from deeplearn.losses.elbo import gaussian_kl, gaussian_log_density, sample_gaussian
from deeplearn.nn.corruption import gaussian

if TYPE_CHECKING:
    from deeplearn.models.vae import VAE


def negative_elbo(
    vae: VAE, batch: Mapping[str, Any], beta: float = 1.0, noise: float = 0.0, train: bool = True
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """−E_q[log p(x|z)] + β KL(q(z|x) ‖ p(z)) with one draw z (Kingma & Welling 2014, eq. 10; Higgins et al. 2017).

    noise: standard deviation of Gaussian noise on the encoder's input.
    """
    x = vae.observe(batch["image"])
    mean, log_variance = vae.encode(gaussian(vae.make_rng("noise"), x, noise))
    z = sample_gaussian(vae.make_rng("noise"), mean, log_variance)
    reconstruction = -vae.likelihood.log_likelihood(vae.decode(z, train), x).mean()
    kl = gaussian_kl(mean, log_variance).mean()
    return reconstruction + beta * kl, {"reconstruction": reconstruction, "kl": kl}


def elbo(vae: VAE, batch: Mapping[str, Any]) -> dict[str, jax.Array]:
    """The evidence lower bound and its two terms, without dropout: for validation and for the test split."""
    loss, metrics = negative_elbo(vae, batch, train=False)
    return {"elbo": -loss, **metrics}


def log_weights(vae: VAE, x: jax.Array, samples: int, train: bool = False) -> jax.Array:
    """log p(x, z) − log q(z|x) at `samples` draws z of q(z|x), for x [batch, pixels]: [batch, samples]."""
    mean, log_variance = (jnp.repeat(a[:, None], samples, axis=1) for a in vae.encode(x))
    z = sample_gaussian(vae.make_rng("noise"), mean, log_variance)
    prior = gaussian_log_density(z, jnp.zeros(()), jnp.zeros(()))
    likelihood = vae.likelihood.log_likelihood(vae.decode(z, train), x[:, None])
    return likelihood + prior - gaussian_log_density(z, mean, log_variance)


def negative_iwae(vae: VAE, batch: Mapping[str, Any], samples: int) -> tuple[jax.Array, dict[str, jax.Array]]:
    """−E log 1/k Σ p(x, zᵢ)/q(zᵢ|x), a tighter bound than the ELBO (Burda et al. 2015, equation 8)."""
    weights = log_weights(vae, vae.observe(batch["image"]), samples, train=True)
    return -jax.nn.logmeanexp(weights, axis=1).mean(), {"elbo": weights.mean()}
