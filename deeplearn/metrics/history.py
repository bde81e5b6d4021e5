"""Learning curves stored in the state, so that figures can show them and a resumed run has all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

COLLECTION = "history"


def _key(name: str) -> str:
    # Not the bare name: Flax would mistake it for a network of that name.
    return f"of_{name}"


def record(model: nn.Module, name: str, value: jax.Array, step: jax.Array, steps: int, points: int = 50) -> None:
    """Adds `value` [...] to the mean over its part of the run: call it in a loss, on the loss's module.

    The run of `steps` is cut into `points` equal parts. step: the steps taken so far, `batch["step"]`, less those
    of the stages before. A rival's curve is among its own variables, at `trained["name"].variables`.
    """
    name = _key(name)
    row = jnp.append(jax.lax.stop_gradient(value).ravel(), 1.0).astype(jnp.float32)  # the last counts
    if model.is_initializing():
        model.put_variable(COLLECTION, name, jnp.zeros((min(points, steps), row.size)))
        return
    sums: jax.Array = model.get_variable(COLLECTION, name)
    part = jnp.minimum(step * len(sums) // steps, len(sums) - 1)
    model.put_variable(COLLECTION, name, sums.at[part].add(row))


def recorded(variables: Mapping[str, Any], name: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """(steps [points], means [points, values]) of what was recorded; parts without a record are left out."""
    sums = np.asarray(variables[COLLECTION][_key(name)])
    centres = (np.arange(len(sums)) + 0.5) * steps / len(sums)
    seen = sums[:, -1] > 0
    return centres[seen], sums[seen, :-1] / sums[seen, -1:]
