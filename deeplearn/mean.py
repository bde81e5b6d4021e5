"""A mean that keeps its total and its weight, so that it can be combined from parts."""

from __future__ import annotations

from typing import Any

import flax
import jax
import jax.numpy as jnp


@flax.struct.dataclass
class Mean:
    """total / weight, for a loss or a metric whose rows do not count alike (masks, tokens, ratings).

    total: [] Σᵢ wᵢ xᵢ over a batch. weight: [] Σᵢ wᵢ ≥ 0, taken as a constant when a loss is differentiated.
    Everything that combines batches (accumulation, devices, blocks of evaluation, validation) adds both parts
    and divides last, so the number does not depend on how the rows were cut. A plain scalar is a mean over rows.
    """

    total: jax.Array
    weight: jax.Array

    @classmethod
    def of(cls, values: Any, weights: Any) -> Mean:
        """Σ weights · values / Σ weights, arrays of one shape (or that broadcast to it): any mask or weighting."""
        values, weights = jnp.broadcast_arrays(jnp.asarray(values), jnp.asarray(weights, jnp.float32))
        # Where the weight is 0 the value may be anything, even infinite.
        return cls((weights * jnp.where(weights == 0, 0, values)).sum(), weights.sum())

    @property
    def value(self) -> jax.Array:
        """The mean itself; 0 where nothing was counted."""
        return self.total / jnp.where(self.weight == 0, 1, self.weight)

    def __add__(self, other: float | jax.Array) -> Mean:
        """The mean shifted by a scalar, such as a penalty on the weights."""
        return Mean(self.total + self.weight * other, self.weight)

    __radd__ = __add__

    def __mul__(self, factor: float | jax.Array) -> Mean:
        """The mean times a scalar."""
        return Mean(self.total * factor, self.weight)

    __rmul__ = __mul__
