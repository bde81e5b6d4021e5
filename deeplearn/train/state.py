"""The state of a run: arrays only, exactly what a checkpoint holds."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.errors import UserError
from deeplearn.train.experiment import Experiment, Stage
from deeplearn.train.loss import call_loss
from deeplearn.train.trees import Path, at, joined, part, units

Tree = Any


@flax.struct.dataclass
class State:
    """step: int32 [], steps taken. key: uint32 [2], the seed's key data, never advanced: random numbers are
    folded from (key, step).

    params are keyed by network, below the name of its system where several are trained side by side; collections by
    Flax collection (batch_stats, codebooks, chains), then in the same way; opt_states by `Group`.
    ema: the averaged weights of the networks that a stage with a moving average trains, else empty.
    fault: int32 [3], (step, turn, metric) of the first metric that was not finite; -1 while all are finite.
    """

    step: jax.Array
    key: jax.Array
    params: dict[str, Tree]
    collections: dict[str, Tree]
    opt_states: dict[str, Tree]
    ema: dict[str, Tree]
    fault: jax.Array

    @property
    def weights(self) -> dict[str, Tree]:
        """The variables to evaluate with: averaged weights where there are any."""
        return {"params": joined(self.params, self.ema), **self.collections}

    def part(self, paths: Collection[Path], groups: Collection[str]) -> State:
        """The part under the paths, with the optimiser states of the groups, as a state."""
        return dataclasses.replace(
            self,
            params=part(self.params, paths),
            collections={name: kept for name, tree in self.collections.items() if (kept := part(tree, paths))},
            opt_states={name: state for name, state in self.opt_states.items() if name in groups},
            ema=part(self.ema, paths),
        )

    def joined(self, part: State) -> State:
        """This state with a part of it replaced; step and fault are the part's."""
        return dataclasses.replace(
            part,
            params=joined(self.params, part.params),
            collections=joined(self.collections, part.collections),
            opt_states={**self.opt_states, **part.opt_states},
            ema=joined(self.ema, part.ema),
        )


@dataclasses.dataclass(frozen=True)
class Group:
    """Networks that the same turns of a stage train by one chain: they share its state.

    name: the key of the state. paths: of the networks. turns: the indices of the turns.
    """

    name: str
    paths: tuple[Path, ...]
    turns: frozenset[int]
    optimizer: optax.GradientTransformation


def groups(stage: Stage, params: Mapping[str, Tree]) -> tuple[Group, ...]:
    """The groups of networks that a stage trains, in the order of the parameters' names."""
    mentioned = {path for turn in stage.turns for path in turn.paths}
    if missing := sorted("/".join(path) for path in mentioned if at(params, path) == {}):
        raise UserError(
            f"stage {stage.name!r} trains {', '.join(missing)}, but the model's networks "
            f"are {', '.join(params) or 'none: no loss calls one'}"
        )
    members: dict[tuple[frozenset[int], int], list[Path]] = {}
    for path in sorted(units(params, mentioned)):  # a tree may have another order while it is traced
        turns = frozenset(
            index
            for index, turn in enumerate(stage.turns)
            if any(path[: len(trained)] == trained for trained in turn.paths)
        )
        members.setdefault((turns, id(stage.optimizer(path))), []).append(path)
    return tuple(
        Group("+".join(":".join(path) for path in paths) or "model", tuple(paths), turns, stage.optimizer(paths[0]))
        for (turns, _), paths in members.items()
    )


def _all_losses(model: Any, batches: Sequence[Mapping[str, Any]], stages: Sequence[Stage]) -> None:
    # Everything that a loss calls gets its parameters: no experiment has to initialise anything.
    for stage, batch in zip(stages, batches, strict=True):
        for turn in stage.turns:
            call_loss(model, turn, {**batch, "step": jnp.zeros((), jnp.int32)})


def initialise(experiment: Experiment, key: jax.Array, batches: Sequence[Mapping[str, Any]]) -> State:
    """The state before step 0, from a key and one example batch per stage. Pure: run it under `jit`."""
    variables = dict(experiment.model.init({"params": key}, batches, experiment.stages, method=_all_losses))
    params = dict(variables.pop("params", {}))
    variables.pop("intermediates", None)
    state = State(
        step=jnp.zeros((), jnp.int32),
        key=jax.random.key_data(key),
        params=params,
        collections=variables,
        opt_states={},
        ema={},
        fault=jnp.full((3,), -1, jnp.int32),
    )
    for stage in experiment.stages:
        groups(stage, params)  # a misnamed network should be an error now, not an hour later
    return begin(experiment.stages[0], state)


def begin(stage: Stage, state: State) -> State:
    """Enters a stage: it gets the averaged weights of the one before, and optimisers start anew."""
    params = joined(state.params, state.ema)
    trained = groups(stage, params)
    ema = part(params, [path for group in trained for path in group.paths]) if stage.ema else {}
    return dataclasses.replace(
        state,
        params=params,
        opt_states={group.name: group.optimizer.init(part(params, group.paths)) for group in trained},
        # A copy, because the step donates its input and one buffer cannot be given away twice.
        ema=jax.tree.map(jnp.copy, ema),
    )


def _words(leaf: jax.Array) -> jax.Array:
    """The bits of an array as a flat vector of uint32."""
    if leaf.dtype == jnp.bool_:
        leaf = leaf.astype(jnp.uint8)
    unsigned = jnp.dtype(f"uint{8 * leaf.dtype.itemsize}")
    words = jax.lax.bitcast_convert_type(leaf, unsigned).reshape(-1)
    return words.astype(jnp.uint32) if leaf.dtype.itemsize < 8 else words


@jax.jit
def _leaf_sum(leaf: jax.Array) -> jax.Array:
    words = _words(leaf)
    return jnp.sum(words * (2 * jax.lax.iota(jnp.uint32, words.size) + 1), dtype=jnp.uint32)


def checksum(tree: Tree) -> list[int]:
    """One 32-bit number per leaf: Σ word_i · (2i + 1) mod 2³².

    Odd factors are invertible mod 2³², so any single damaged word changes the sum; integer sums have no rounding,
    so the value is the same on any number of devices and the arrays stay on the device. Compiled for
    each shape, not for each tree: a state may have ten thousand leaves of some hundred shapes.
    """
    return [int(number) for number in jax.device_get([_leaf_sum(leaf) for leaf in jax.tree.leaves(tree)])]


@jax.jit
def _is_finite(leaf: jax.Array) -> jax.Array:
    return jnp.isfinite(leaf).all()


def finite(tree: Tree) -> bool:
    """Whether all numbers of a tree are finite. Compiled for each shape, as `checksum`."""
    return all(jax.device_get([_is_finite(leaf) for leaf in jax.tree.leaves(tree)]))


def digest(params: Tree) -> str:
    """SHA-256 over parameters: their paths, shapes, types and bytes, in the order of the paths."""
    sha = hashlib.sha256()
    for path, leaf in sorted(
        (
            (jax.tree_util.keystr(path), np.asarray(leaf))
            for path, leaf in jax.tree_util.tree_leaves_with_path(params)
        ),
        key=lambda item: item[0],
    ):
        sha.update(f"{path} {leaf.shape} {leaf.dtype}\n".encode())
        sha.update(np.ascontiguousarray(leaf).tobytes())
    return sha.hexdigest()
