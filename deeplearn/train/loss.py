"""How a turn's loss is called: on its own module, its result checked, errors reported in one sentence."""

from __future__ import annotations

import functools
import traceback
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.errors import UserError
from deeplearn.mean import Mean
from deeplearn.train.experiment import Batch, Turn

# What the loop logs of every turn.
RESERVED = {"loss", "gradient_norm", "update_norm", "parameter_norm", "fault"}


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
    except UserError:
        raise
    # Whatever JAX, Flax, chex, numpy or Python raise while tracing what does not fit.
    except Exception as error:
        raise UserError(
            f"the loss {turn.name}{_line(turn, error)} cannot be traced on a batch of {_shapes(batch)}: "
            f"{_brief(error)}"
        ) from error
    if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[1], dict):
        raise UserError(f"the loss {turn.name} should return (loss, {{metric: scalar}}), not {_shapes(result)}")
    loss, metrics = result
    if taken := RESERVED & set(metrics):
        raise UserError(
            f"the loss {turn.name} returns a metric {sorted(taken)[0]!r}: the loop logs its own under this name, "
            "so give it another"
        )
    for title, value in {"the loss": loss, **{f"the metric {name!r}": x for name, x in metrics.items()}}.items():
        for leaf in (value.total, value.weight) if isinstance(value, Mean) else (value,):
            if not isinstance(leaf, int | float | np.ndarray | np.generic | jax.Array):
                raise UserError(
                    f"{title} that {turn.name} returns should be a scalar or Mean(total, weight), not {leaf!r}"
                )
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
    alone = "an array" if isinstance(tree, jax.Array) else type(tree).__name__
    return ", ".join(f"{name or alone} {list(shape)}" for name, shape in names) or repr(tree)


def _line(turn: Turn, error: BaseException) -> str:
    """Where in the file of the loss it went wrong."""
    loss: Any = turn.loss
    while isinstance(loss, functools.partial):
        loss = loss.func
    file = getattr(getattr(loss, "__code__", None), "co_filename", None)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" ({Path(file).name}, line {lines[-1]})" if file and lines else ""


def _brief(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    # The text of these is a name alone, or needs the kind to be understood.
    kind = f"{type(error).__name__}: " if isinstance(error, LookupError | ArithmeticError) else ""
    return kind + " ".join(lines)[:500]
