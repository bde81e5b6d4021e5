"""Distances between the features of two domains, which a network is trained to make small."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import optax

from deeplearn.nn.checks import assert_shapes

BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the kernels, as multiples of the mean squared distance


def covariance(x: jax.Array) -> jax.Array:
    """[rows, features] -> [features, features], divided by rows − 1; rows ≥ 2."""
    centred = x - x.mean(0)
    return centred.T @ centred / (len(x) - 1)


def coral(source: jax.Array, target: jax.Array) -> jax.Array:
    """‖C_s − C_t‖²_F / (4 d²) of features [n, d] and [m, d] (Sun & Saenko 2016, equation 1); n, m ≥ 2."""
    _check(source, target)
    return jnp.square(covariance(source) - covariance(target)).sum() / (4 * source.shape[1] ** 2)


def coral_with_means(source: jax.Array, target: jax.Array) -> jax.Array:
    """CORAL as two well-known libraries compute it: mean (C_s − C_t)² without the ¼, plus mean (μ_s − μ_t)²."""
    return 4 * coral(source, target) + jnp.square(source.mean(0) - target.mean(0)).mean()


def multi_kernel_mmd(source: jax.Array, target: jax.Array) -> jax.Array:
    """Squared maximum mean discrepancy of [n, d] and [m, d] under a sum of Gaussian kernels (Long et al. 2015).

    k(x, y) = Σ_b exp(−‖x − y‖² / (b s²)), s² the mean squared distance of two different rows of both together, b of
    BANDWIDTHS; s² is a constant of the gradient. The biased estimate, means over all pairs, which is never negative
    (Gretton et al. 2012, equation 5); kernels have equal weights, which Long et al. choose by test power.
    """
    _check(source, target)
    both, n = jnp.concatenate([source, target]), len(source)
    # From products: the differences themselves would be [n + m, n + m, d].
    squares = jnp.square(both).sum(1)
    distances = jnp.maximum(squares[:, None] + squares - 2 * both @ both.T, 0)
    scale = jax.lax.stop_gradient(distances.sum() / (len(both) * (len(both) - 1)))
    scale = jnp.maximum(scale, 1e-12)  # all rows may be equal
    kernel = jnp.exp(-distances / (jnp.array(BANDWIDTHS)[:, None, None] * scale)).sum(0)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


def domain_entropy(source: jax.Array, target: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
    """−log p of the right domain in nats, mean over n + m, and the accuracy. Logits of "target": [n], [m]."""
    assert_shapes(source=(source, "n"), target=(target, "m"))
    logits = jnp.concatenate([source, target])
    domain = jnp.concatenate([jnp.zeros_like(source), jnp.ones_like(target)])
    loss = optax.sigmoid_binary_cross_entropy(logits, domain).mean()
    return loss, {"domain_accuracy": ((logits > 0) == (domain > 0)).mean()}


def ramp(progress: jax.Array | float) -> jax.Array:
    """λ_p = 2 / (1 + e^{−10 p}) − 1 of progress p from 0 to 1 (Ganin & Lempitsky 2015, equation 14)."""
    return 2 / (1 + jnp.exp(-10 * jnp.asarray(progress))) - 1


def _check(source: jax.Array, target: jax.Array) -> None:
    assert_shapes(source=(source, "n features"), target=(target, "m features"))
    chex.assert_scalar_non_negative(min(len(source), len(target)) - 2)
