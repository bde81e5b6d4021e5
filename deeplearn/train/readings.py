"""The metrics of a turn as one array, so that the host fetches one array per step and not ten."""

from __future__ import annotations

from collections.abc import Callable

import flax
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.train.experiment import Batch
from deeplearn.train.state import State
from deeplearn.train.step import FAULT, Scalars, Update


@flax.struct.dataclass
class Readings:
    """bits: int32 [..., n + 3], n float32 metrics in the order of their names, then the state's fault."""

    bits: jax.Array
    names: tuple[str, ...] = flax.struct.field(pytree_node=False)

    @classmethod
    def of(cls, metrics: Scalars) -> Readings:
        names = tuple(sorted(set(metrics) - {FAULT}))
        values = jnp.stack([metrics[name] for name in names])
        bits = jax.lax.bitcast_convert_type(values, jnp.int32)
        return cls(jnp.concatenate([bits, metrics[FAULT]]), names)

    @property
    def fault(self) -> np.ndarray:
        """int32 [..., 3], as in `State.fault`."""
        return np.asarray(self.bits)[..., -3:]

    def values(self) -> dict[str, np.ndarray]:
        """{metric: float32 [...]}."""
        numbers = np.ascontiguousarray(np.asarray(self.bits)[..., :-3]).view(np.float32)
        return {name: numbers[..., place] for place, name in enumerate(self.names)}


def with_readings(update: Update) -> Callable[..., tuple[State, Readings]]:
    """The update with its metrics as one array."""

    def packed(state: State, batch: Batch, clock: jax.Array) -> tuple[State, Readings]:
        state, metrics = update(state, batch, clock)
        return state, Readings.of(metrics)

    return packed
