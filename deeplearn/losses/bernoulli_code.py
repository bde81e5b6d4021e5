"""A code of stochastic bits: h_j ~ Bernoulli(q_j(x)), its prior, and an unbiased gradient through the draws."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_broadcastable, assert_shapes
from deeplearn.nn.functional import log_sigmoid


def sample_bits(key: jax.Array, logits: jax.Array) -> jax.Array:
    """h in {0, 1}, float32, with P(h = 1) = sigmoid(logits), any shape; no gradient passes through."""
    return jax.random.bernoulli(key, jax.nn.sigmoid(jax.lax.stop_gradient(logits))).astype(jnp.float32)


def bernoulli_kl(logits: jax.Array, prior_logits: jax.Array) -> jax.Array:
    """KL(q ‖ p) of independent bits in nats, summed over the last axis: [..., H] -> [...]; the prior broadcasts."""
    assert_broadcastable(logits=logits, prior_logits=prior_logits)
    q = jax.nn.sigmoid(logits)
    on = log_sigmoid(logits) - log_sigmoid(prior_logits)
    off = log_sigmoid(-logits) - log_sigmoid(-prior_logits)
    return (q * on + (1 - q) * off).sum(-1)


def leave_one_out_surrogate(values: jax.Array, log_probabilities: jax.Array) -> jax.Array:
    """A scalar with unbiased value and gradient of E_{h ~ q}[f(h)] (Kool et al. 2019, "Buy 4 REINFORCE samples").

    values: f(h_i), [batch, k], k ≥ 2 independent draws for each example, itself differentiable.
    log_probabilities: log q(h_i), [batch, k]. Each draw's baseline is the mean of the others.
    """
    assert_shapes(values=(values, "batch draws"), log_probabilities=(log_probabilities, "batch draws"))
    k = values.shape[1]
    if k < 2:
        raise ValueError(f"values has shape {values.shape}: a baseline needs at least 2 draws of each example")
    advantage = jax.lax.stop_gradient(values - (values.sum(1, keepdims=True) - values) / (k - 1))
    score = advantage * (log_probabilities - jax.lax.stop_gradient(log_probabilities))  # 0, but for its gradient
    return (values + score).mean()
