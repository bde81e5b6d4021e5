"""Batch normalisation over the global batch, however it is spread over devices."""

from __future__ import annotations

import flax.linen as nn
import jax

from deeplearn.nn.checks import assert_shapes


def mapped(axis: str) -> bool:
    """Whether this is traced under `pmap` over an axis of that name."""
    try:
        jax.lax.axis_index(axis)
    except NameError:
        return False
    return True


class BatchNorm(nn.Module):
    """Ioffe & Szegedy 2015, with statistics over the whole batch (Flax's own layer, given the axis of the batch).

    Under `jit` over a mesh the mean is global anyway; under `pmap` each device sees only its part, and the
    moments are averaged over the mapped axis "data". Input [batch, ..., features]; with train=False the moving
    averages (collection "batch_stats") are used.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    use_scale: bool = True
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        assert_shapes(x=(x, "batch ... features"))
        return nn.BatchNorm(
            use_running_average=not train,
            momentum=self.momentum,
            epsilon=self.epsilon,
            use_scale=self.use_scale,
            use_bias=self.use_bias,
            axis_name="data" if mapped("data") else None,
        )(x)
