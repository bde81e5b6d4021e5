"""How a turn's loss is called: on its own module, its result checked, errors reported in one sentence."""

from __future__ import annotations

from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.errors import UserError
from deeplearn.mean import Mean
from deeplearn.train.experiment import Batch, Turn


def as_mean(value: Any) -> Mean:
    """A `Mean` unchanged, a plain scalar as a `Mean` of weight 1; both parts are float32."""
    mean = value if isinstance(value, Mean) else Mean(value, jnp.ones(()))
    return Mean(jnp.asarray(mean.total, jnp.float32), jnp.asarray(mean.weight, jnp.float32))


def call_loss(root: Any, turn: Turn, batch: Batch) -> tuple[Mean, dict[str, Mean]]:
    """The loss and metrics of a turn on the bound root, as means.

    UserError names the loss and the shapes when its input or its result is wrong.
    """
    module = getattr(root, turn.of) if turn.of else root
    try:
        result = turn.loss(module, batch)
    # What JAX, Flax, chex and numpy raise while tracing arrays whose names, shapes or types do not fit.
    except (AssertionError, KeyError, TypeError, ValueError, flax.errors.FlaxError) as error:
        raise UserError(
            f"the loss {turn.name} cannot be traced on a batch of {_shapes(batch)}: {_brief(error)}"
        ) from error
    if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[1], dict):
        raise UserError(f"the loss {turn.name} should return (loss, {{metric: scalar}}), not {_shapes(result)}")
    loss, metrics = result
    for title, value in {"the loss": loss, **{f"the metric {name!r}": x for name, x in metrics.items()}}.items():
        for leaf in jax.tree.leaves(value):
            if jnp.shape(leaf) != ():
                raise UserError(
                    f"{title} that {turn.name} returns has the shape {list(jnp.shape(leaf))}, but should be a "
                    "scalar of shape []: take its mean, or return Mean(total, weight)"
                )
    return as_mean(loss), {name: as_mean(value) for name, value in metrics.items()}


def _shapes(tree: Any) -> str:
    """{name: shape} of arrays in words."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    names = [(jax.tree_util.keystr(path, simple=True, separator="."), np.shape(leaf)) for path, leaf in leaves]
    return ", ".join(f"{name or type(tree).__name__} {list(shape)}" for name, shape in names)


def _brief(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines)[:500]
