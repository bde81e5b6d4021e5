"""The moving mean of what passes through, kept in a collection."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.batch_norm import mapped


class MovingMean(nn.Module):
    """values [batch, ...] -> their moving mean [...], which these are added to if `update`; it has no gradient.

    mean ← decay · mean + (1 − decay) · batch mean, from 0 (collection "moving_mean"). Under `pmap` the batch is
    that of all devices.
    """

    decay: float

    @nn.compact
    def __call__(self, values: jax.Array, update: bool) -> jax.Array:
        mean = self.variable("moving_mean", "mean", jnp.zeros, values.shape[1:])
        if update and not self.is_initializing():
            new = jax.lax.stop_gradient(values).astype(jnp.float32).mean(0)
            new = jax.lax.pmean(new, "data") if mapped("data") else new
            mean.value = self.decay * mean.value + (1 - self.decay) * new
        return mean.value
