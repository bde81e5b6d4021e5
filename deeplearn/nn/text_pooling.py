"""One vector of a text from the states of its tokens (Reimers & Gurevych 2019, section 3)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes

POOLS = ("cls", "mean", "last")


def pooled(states: jax.Array, lengths: jax.Array, pool: str) -> jax.Array:
    """states [batch, time, features], lengths [batch], each at least 1 -> vectors [batch, features].

    pool: "cls", the state of the first token, which is [CLS] in BERT; "mean", of all within the length; "last", the
    state of the last one, the only one that has seen all others in a causal network.
    """
    assert_shapes(states=(states, "batch time features"), lengths=(lengths, "batch"))
    if pool == "cls":
        return states[:, 0]
    if pool == "last":
        return jnp.take_along_axis(states, (lengths - 1)[:, None, None], axis=1)[:, 0]
    if pool != "mean":
        raise ValueError(f"no pooling {pool!r}: {', '.join(POOLS)}")
    inside = (jnp.arange(states.shape[1]) < lengths[:, None])[..., None]
    return jnp.where(inside, states, 0).sum(1) / lengths[:, None]
