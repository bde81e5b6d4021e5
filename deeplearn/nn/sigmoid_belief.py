"""Layers of binary units, each given the one before by independent sigmoids (Neal 1992)."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from deeplearn.nn.functional import log_sigmoid

Layer = tuple[jax.Array, jax.Array]  # kernel [inputs, outputs], bias [outputs]


def sampled_pass(layers: Sequence[Layer], x: jax.Array, key: jax.Array) -> list[jax.Array]:
    """The states x, then a sample of each layer given the one before: floats 0 and 1. No gradient flows."""
    states = [x]
    for i, (kernel, bias) in enumerate(layers):
        chance = jax.nn.sigmoid(states[-1] @ kernel + bias)
        on = jax.random.uniform(jax.random.fold_in(key, i), chance.shape) < chance
        states.append(jax.lax.stop_gradient(on.astype(x.dtype)))
    return states


def log_probability(layers: Sequence[Layer], states: Sequence[jax.Array]) -> jax.Array:
    """Σ log p(state of a layer | state before it), [batch], in nats, of the states of one pass."""
    total = jnp.zeros(len(states[0]))
    for (kernel, bias), before, after in zip(layers, states[:-1], states[1:], strict=True):
        logits = before @ kernel + bias
        total += (log_sigmoid(logits) - (1 - after) * logits).sum(-1)  # log σ(−a) = log σ(a) − a
    return total
