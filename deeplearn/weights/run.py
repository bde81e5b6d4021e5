"""A run directory read back: its weights, as files' tensors are, and its model with them."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flax
import jax
import numpy as np
import orbax.checkpoint as ocp

from deeplearn import data
from deeplearn.errors import UserError
from deeplearn.train.checkpoints import Checkpoints, read_json
from deeplearn.train.state import State, checksum
from deeplearn.train.trained import Trained


def rebuild(
    directory: Path, weights: Mapping[str, np.ndarray], dataset: data.Dataset | None = None
) -> tuple[Trained, data.Dataset]:
    """A run's model with weights that `read_run` gave, and the data it was trained on.

    `dataset` stands in for these data where only the shape and the levels of its images are needed.
    """
    saved = read_json(directory / "config.json")
    # The only place that knows an experiment by name: it was written by whoever trained.
    module = importlib.import_module(f"experiments.{saved['experiment']}")
    known = {field.name for field in dataclasses.fields(module.Config)}
    values = {name: tuple(x) if isinstance(x, list) else x for name, x in saved["config"].items() if name in known}
    config = module.Config(**values)
    dataset = dataset or data.load(config.dataset, config.data_dir or None)
    return Trained(module.build(config, dataset).model, nested(weights), jax.random.key(0)), dataset


def nested(weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The variables that `read_run` gave flat, as Flax takes them."""
    return flax.traverse_util.unflatten_dict(dict(weights), sep="/")


def read_run(directory: Path, replica: int = 0) -> dict[str, np.ndarray]:
    """{"params/network/layer/kernel": array} of the newest checkpoint: averaged weights where there are any.

    UserError for a directory without a whole checkpoint, and for a replica that the run does not have.
    """
    if not (directory / "checkpoints").is_dir():
        raise UserError(f"{directory} is no run directory: it has no checkpoints")
    checkpoints = Checkpoints(directory / "checkpoints")
    try:
        steps = checkpoints.steps()
        if not steps:
            raise UserError(f"{directory} has no checkpoint yet: let the run go on until it saves one")
        states, sums = _restore(checkpoints, steps[-1])
    except UserError:
        raise
    except Exception as error:  # Orbax fails in many ways on damaged files
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise UserError(f"the newest checkpoint in {directory} is damaged ({reason})") from None
    finally:
        checkpoints.close()
    # Sorted, because without the optimisers' own classes their arrays come in another order.
    if sorted(checksum(states)) != sorted(sums):
        raise UserError(f"the newest checkpoint in {directory} is damaged: its arrays do not match their checksum")
    vectorised = states[0].step.ndim == 1  # one state with a leading axis for replicas, or one state for each
    count = len(states[0].step) if vectorised else len(states)
    if not 0 <= replica < count:
        raise UserError(f"{directory} has {count} replica(s): there is no replica {replica} (they start at 0)")
    flat = flax.traverse_util.flatten_dict(states[0 if vectorised else replica].weights, sep="/")
    return {name: np.asarray(x[replica] if vectorised else x) for name, x in flat.items()}


def _restore(checkpoints: Checkpoints, step: int) -> tuple[list[State], Any]:
    kinds = {"state": ocp.args.StandardRestore(), "meta": ocp.args.JsonRestore()}
    found = checkpoints.manager.restore(step, args=ocp.args.Composite(**kinds))
    # Orbax drops empty dictionaries.
    empty: dict[str, Any] = {"collections": {}, "opt_states": {}, "ema": {}}
    return [State(**(empty | entry)) for entry in found["state"]], found["meta"]["checksum"]
