"""Layers of binary units, each with independent sigmoid probabilities given the one before (Neal 1992)."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.functional import log_sigmoid

Layer = tuple[jax.Array, jax.Array]  # kernel [inputs, outputs], bias [outputs]


def sampled_pass(layers: Sequence[Layer], x: jax.Array, key: jax.Array) -> list[jax.Array]:
    """The states x [batch, inputs], then a sample of each layer given the one before, 0 or 1. No gradient flows."""
    assert_shapes(x=(x, "batch units_0"), **_axes(layers))
    states = [x]
    for i, (kernel, bias) in enumerate(layers):
        probability = jax.nn.sigmoid(states[-1] @ kernel + bias)
        on = jax.random.uniform(jax.random.fold_in(key, i), probability.shape) < probability
        states.append(jax.lax.stop_gradient(on.astype(x.dtype)))
    return states


def log_probability(layers: Sequence[Layer], states: Sequence[jax.Array]) -> jax.Array:
    """Σ log p(state of a layer | state before it), [batch], in nats, of the states of one pass."""
    named = {f"states[{i}]": (state, f"batch units_{i}") for i, state in enumerate(states)}
    assert_shapes(**named, **_axes(layers))
    total = jnp.zeros(len(states[0]))
    for (kernel, bias), before, after in zip(layers, states[:-1], states[1:], strict=True):
        logits = before @ kernel + bias
        total += (log_sigmoid(logits) - (1 - after) * logits).sum(-1)  # log σ(−a) = log σ(a) − a
    return total


def _axes(layers: Sequence[Layer]) -> dict[str, tuple[jax.Array, str]]:
    """The arrays of layers for `assert_shapes`: layer i goes from units_i to units_{i+1}."""
    arguments = {}
    for i, (kernel, bias) in enumerate(layers):
        arguments[f"the kernel of layers[{i}]"] = kernel, f"units_{i} units_{i + 1}"
        arguments[f"the bias of layers[{i}]"] = bias, f"units_{i + 1}"
    return arguments
