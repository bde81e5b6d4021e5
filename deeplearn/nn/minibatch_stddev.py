"""How much the examples of a batch differ, as a feature: a discriminator that sees it notices a mode collapse."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes


def minibatch_stddev(x: jax.Array, group: int = 4) -> jax.Array:
    """[batch, ..., features] -> [batch, ..., features + 1] (Karras et al. 2018, section 3).

    The last feature is the same everywhere in an example: the standard deviation over a group of examples, averaged
    over all places and features. Groups are of `group` examples, and of the whole batch where it does not divide.
    An example's group are those that are batch / group apart, as in the released code.
    """
    assert_shapes(x=(x, "batch ... features"))
    size = group if len(x) % group == 0 else len(x)
    grouped = x.reshape(size, -1, *x.shape[1:])
    spread = jnp.sqrt(jnp.var(grouped, axis=0) + 1e-8)  # the root has no slope at 0
    mean = spread.reshape(len(spread), -1).mean(-1)
    column = jnp.tile(mean, size).reshape(-1, *(1,) * (x.ndim - 1))
    return jnp.concatenate([x, jnp.broadcast_to(column, (*x.shape[:-1], 1))], axis=-1)
