"""What a turn's traced loss tells about it: which networks it touches, and whether it has a convolution."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import flax.linen as nn
import jax
import jax.extend
import jax.numpy as jnp

from deeplearn.errors import UserError
from deeplearn.train.experiment import Batch, Turn
from deeplearn.train.loss import call_loss
from deeplearn.train.state import State
from deeplearn.train.trees import Path, part, unit_of


@dataclasses.dataclass(frozen=True)
class Traced:
    """What is read from the traced loss of a turn.

    paths: of the networks and collections' entries that it reads or writes: the turn is compiled for this part of
    the state alone. convolves: whether it contains a convolution.
    """

    paths: frozenset[Path]
    convolves: bool


def traced(model: nn.Module, turn: Turn, state: State, batch: Batch, known: Collection[Path]) -> Traced:
    """Traces a turn's loss. known: the paths at which the state may be cut."""
    variables = {"params": state.params, **state.collections}

    def loss(variables: Any, batch: Batch) -> Any:
        result, updated = model.apply(
            variables,
            turn,
            {**batch, "step": jnp.zeros((), jnp.int32)},
            method=call_loss,
            rngs={"params": jax.random.key(0)},
            mutable=list(state.collections),
        )
        before = dict(jax.tree_util.tree_leaves_with_path(variables))
        after = jax.tree_util.tree_leaves_with_path(dict(updated))
        return result, [(path, leaf) for path, leaf in after if leaf is not before.get(path)]

    def place(path: Any) -> Path:
        return unit_of(tuple(entry.key for entry in path[1:]), known)

    written: list[Path] = []

    def outputs(variables: Any, batch: Batch) -> Any:
        result, changed = loss(variables, batch)
        written.extend(place(path) for path, _ in changed)
        return result, [leaf for _, leaf in changed]

    program = jax.make_jaxpr(outputs)(variables, batch)
    read = {id(variable) for equation in program.jaxpr.eqns for variable in equation.invars}
    read |= {id(variable) for variable in program.jaxpr.outvars}
    # Among the inputs, variables come before the batch.
    inputs = zip(jax.tree_util.tree_leaves_with_path(variables), program.jaxpr.invars, strict=False)
    touched = {place(path) for (path, _), variable in inputs if id(variable) in read}
    trained = {unit for unit in known if any(unit[: len(path)] == path for path in turn.paths)}
    paths = frozenset(trained | touched | set(written))
    everything = frozenset(known) | {place(path) for path, _ in jax.tree_util.tree_leaves_with_path(variables)}
    if paths == everything:  # nothing is cut off that it could miss
        return Traced(paths, _convolves(program.jaxpr))
    made: list[Path] = []

    def alone(variables: Any, batch: Batch) -> Any:
        result, changed = loss(variables, batch)
        made.extend(place(path) for path, _ in changed)
        return result

    try:
        jax.eval_shape(alone, {name: part(tree, paths) for name, tree in variables.items()}, batch)
    except UserError:  # it looks at what it does not use, and Flax asks for that too
        paths = everything
    if not paths.issuperset(made):  # its module makes a variable anew that is not handed to it
        paths = everything
    return Traced(paths, _convolves(program.jaxpr))


def _convolves(jaxpr: Any) -> bool:
    """Whether a program, or one that it calls, has a convolution."""
    return any(
        equation.primitive.name == "conv_general_dilated"
        or any(_convolves(inner) for inner in jax.extend.core.jaxprs_in_params(equation.params))
        for equation in jaxpr.eqns
    )
