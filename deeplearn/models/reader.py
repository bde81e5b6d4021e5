"""Networks that read a sequence and answer: after its end, or at each of its steps."""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.cells import Cell
from deeplearn.nn.recurrent import Recurrent


class Reader(nn.Module):
    """One recurrent layer and a linear answer: x [batch, time, inputs] -> [batch, outputs] after the last step.

    `each_step`: answers [batch, time, outputs] at all steps. lengths [batch] int32: the answer is the one after
    each sequence's own end; none: all are full.
    """

    cell: Callable[..., Cell]
    features: int
    outputs: int
    each_step: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, lengths: jax.Array | None = None) -> jax.Array:
        h, _ = Recurrent(self.cell, self.features)(x, lengths)
        if not self.each_step:
            h = h[:, -1] if lengths is None else h[jnp.arange(len(h)), lengths - 1]
        return nn.Dense(self.outputs)(h)


class WindowReader(nn.Module):
    """The same by a feed-forward network with two hidden layers, which sees the last `window` steps alone."""

    window: int
    features: int
    outputs: int
    each_step: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, lengths: jax.Array | None = None) -> jax.Array:
        time = x.shape[1]
        x = jnp.pad(x, ((0, 0), (self.window - 1, 0), (0, 0)))  # zeros before the first step
        seen = jnp.stack([x[:, i : i + time] for i in range(self.window)], axis=2)  # [batch, time, window, inputs]
        if not self.each_step:
            seen = seen[:, -1] if lengths is None else seen[jnp.arange(len(seen)), lengths - 1]
        h = seen.reshape(*seen.shape[:-2], -1)
        for _ in range(2):
            h = nn.relu(nn.Dense(self.features)(h))
        return nn.Dense(self.outputs)(h)
