"""Reads the weights from a run's checkpoints without changing anything there, even while the run trains."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from deeplearn.errors import UserError, brief
from deeplearn.train.checkpoint_files import read_arrays, read_description, steps_in
from deeplearn.train.state import checksum
from deeplearn.train.trees import joined

Tree = Any
READ = ("params", "collections", "ema")  # of a state; optimiser states are not read
ATTEMPTS = 20  # a trainer that saves all the time deletes one checkpoint after another
PAUSE = 0.2  # seconds in which a checkpoint that is being deleted is gone


class Weights(NamedTuple):
    """step: steps taken. replicas: the number of seeds. variables: {"params": …, "batch_stats": …, …} of numpy."""

    step: int
    replicas: int
    variables: dict[str, Tree]


def steps(directory: Path) -> list[int]:
    """The steps of a run's checkpoints, the newest last. UserError where there is no run, or no checkpoint yet."""
    place = directory / "checkpoints"
    if not place.is_dir():
        reason = "is not a run directory: it has no checkpoints" if directory.is_dir() else "does not exist"
        raise UserError(f"{directory} {reason}")
    if not (found := steps_in(place)):
        raise UserError(f"{directory} has no checkpoint yet: let the run continue until it saves one")
    return found


def read(
    directory: Path,
    replica: int = 0,
    warn: Callable[[str], None] = lambda text: None,
    prefer: Callable[[Sequence[int]], int] = max,
) -> Weights:
    """The weights of a replica: averaged ones where there are any; on one device, whatever the run used.

    prefer(steps): which checkpoint is tried first, by default the newest. `warn` is called with a sentence about a
    damaged one, and the one before is read. A trainer may delete a checkpoint while it is being read: then the
    search starts again. UserError where no checkpoint is whole, or where the run has no such replica.
    """
    damaged: dict[int, str] = {}
    for _ in range(ATTEMPTS):
        there = steps(directory)
        left = [step for step in there if step not in damaged]
        if not left:
            break
        step = prefer(left)
        try:
            found = _read((directory / "checkpoints" / str(step)).resolve(), step, replica)
        except UserError as error:
            raise UserError(f"{directory} {error}") from None
        except Exception as error:  # Orbax fails in many ways on files that are damaged or gone
            time.sleep(PAUSE)
            if steps(directory) == there:
                damaged[step] = textwrap.shorten(brief(error), 80, placeholder=" …")
            continue
        for bad, reason in damaged.items():
            warn(f"checkpoint {bad} of {directory} is damaged ({reason}): read the one of step {step} instead")
        return found
    if not damaged:
        raise UserError(f"the checkpoints of {directory} are deleted faster than they can be read: try again")
    step, reason = next(iter(damaged.items()))
    raise UserError(f"no checkpoint of {directory} is whole: {step} is damaged ({reason})")


def _read(place: Path, step: int, replica: int) -> Weights:
    meta = read_description(place, step)
    sums = dict(zip(meta["specification"], meta["checksum"], strict=True))
    shapes = ocp.PyTreeCheckpointHandler().metadata(place / "state").tree
    vectorised = len(shapes[0]["step"].shape) == 1  # one state with an axis for replicas, or a state for each
    replicas = shapes[0]["step"].shape[0] if vectorised else len(shapes)
    if not 0 <= replica < replicas:
        raise UserError(f"has {replicas} replica(s): there is no replica {replica} (they start at 0)")
    number = 0 if vectorised else replica
    wanted = {name: tree for name, tree in shapes[number].items() if name in (*READ, "step")}
    arrays = read_arrays(place, {leaf.name: leaf for leaf in jax.tree.leaves(wanted)})
    state = jax.tree.map(lambda leaf: arrays[leaf.name], wanted)
    for name, tree in state.items():
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
            if checksum(leaf) != [sums[f"[{number}].{name}{jax.tree_util.keystr(path)}"]]:
                raise ValueError("its arrays do not match their checksum")
    if (state["step"] != step).any():
        raise ValueError(f"it is of step {np.max(state['step'])}")
    if vectorised:
        state = jax.tree.map(lambda leaf: leaf[replica], state)
    # Orbax leaves empty dictionaries out.
    params, collections, ema = (state.get(name) or {} for name in READ)
    return Weights(step, replicas, {"params": joined(params, ema), **collections})
