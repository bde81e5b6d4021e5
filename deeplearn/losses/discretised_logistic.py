"""The discretised logistic likelihood of images with grey levels (Salimans et al. 2017, PixelCNN++, equation 2).

A logistic distribution on the line, or a mixture of them, gives each level the probability of the interval that
is nearer to it than to any other level; the outer two get the tails. So all probabilities of a pixel add up to one.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_broadcastable, assert_shapes
from deeplearn.nn.functional import log_sigmoid


def discretised_logistic_log_likelihood(
    x: jax.Array, logits: jax.Array, means: jax.Array, log_scales: jax.Array, levels: int
) -> jax.Array:
    """log p(x) summed over the last axis of x, in nats.

    x: [..., D], values k / (levels − 1). logits, means, log_scales: [..., D, K], of the mixture's K components;
    means and scales in the units of x. Leading axes broadcast.
    """
    _assert_mixture(logits, means, log_scales)
    of_one = jax.ShapeDtypeStruct(logits.shape[:-1], logits.dtype)
    assert_broadcastable(x=x, **{"logits of one component": of_one})
    x, half = x[..., None], 0.5 / (levels - 1)
    precision = jnp.exp(-log_scales)
    upper, lower = (x + half - means) * precision, (x - half - means) * precision
    lowest, highest = x < half, x > 1 - half
    # σ(b) − σ(a) = σ(b) σ(−a) (1 − exp(a − b)): no difference of two nearly equal numbers.
    below_upper = jnp.where(highest, 0.0, log_sigmoid(upper))
    above_lower = jnp.where(lowest, 0.0, log_sigmoid(-lower))
    inner = jnp.where(lowest | highest, 0.0, jnp.log(-jnp.expm1(-2 * half * precision)))
    return jax.nn.logsumexp(jax.nn.log_softmax(logits) + below_upper + above_lower + inner, axis=-1).sum(-1)


def discretised_logistic_probabilities(
    logits: jax.Array, means: jax.Array, log_scales: jax.Array, levels: int
) -> jax.Array:
    """The probability of each level: parameters [..., D, K] -> [..., D, levels]."""
    _assert_mixture(logits, means, log_scales)
    edges = (jnp.arange(1, levels) - 0.5) / (levels - 1)
    below = jax.nn.sigmoid((edges - means[..., None]) * jnp.exp(-log_scales)[..., None])  # [..., D, K, levels − 1]
    below = (jax.nn.softmax(logits)[..., None] * below).sum(-2)
    return jnp.diff(below, prepend=0.0, append=1.0)


def _assert_mixture(logits: jax.Array, means: jax.Array, log_scales: jax.Array) -> None:
    axes = "*lead pixels components"
    assert_shapes(logits=(logits, axes), means=(means, axes), log_scales=(log_scales, axes))
