"""The evidence lower bound and its terms (Kingma & Welling 2014, Auto-Encoding Variational Bayes).

Log-densities *sum* over pixels and latents and keep the batch axis; only the batch is averaged. Averaging over
pixels as well would weight the KL term by the number of pixels, the most common mistake in public VAEs.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_broadcastable, assert_shapes
from deeplearn.nn.functional import log_sigmoid


def sample_gaussian(key: jax.Array, mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """z = μ + σ ε, the reparameterised sample of equation 10; shapes [..., latents]."""
    assert_shapes(mean=(mean, "*shape"), log_variance=(log_variance, "*shape"))
    return mean + jnp.exp(log_variance / 2) * jax.random.normal(key, mean.shape)


def gaussian_kl(mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """KL(N(μ, σ²) ‖ N(0, 1)) summed over the last axis (appendix B): [..., latents] -> [...], in nats."""
    assert_shapes(mean=(mean, "*lead latents"), log_variance=(log_variance, "*lead latents"))
    return 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum(-1)


def gaussian_log_density(x: jax.Array, mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """log N(x; μ, σ²) of diagonal Gaussians, summed over the last axis: [..., D] -> [...], in nats.

    x, mean and log_variance broadcast.
    """
    assert_broadcastable(x=x, mean=mean, log_variance=log_variance)
    return -0.5 * (jnp.log(2 * jnp.pi) + log_variance + (x - mean) ** 2 * jnp.exp(-log_variance)).sum(-1)


def bernoulli_log_likelihood(logits: jax.Array, x: jax.Array) -> jax.Array:
    """log p(x) of independent Bernoullis (appendix C.1), x in [0, 1]: [..., D] -> [...], in nats.

    Leading axes of logits and x broadcast.
    """
    assert_shapes(logits=(logits, "... D"), x=(x, "... D"))
    assert_broadcastable(logits=logits, x=x)
    return (log_sigmoid(logits) - (1 - x) * logits).sum(-1)  # log σ(−a) = log σ(a) − a
