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

from deeplearn.train.experiment import Experiment, Stage

Tree = Any


@flax.struct.dataclass
class State:
    """step: int32 [], steps taken. key: uint32 [2], the seed's key data, never advanced: what is random is folded
    from (key, step).

    params and opt_states are keyed by network, collections by Flax collection (batch_stats, codebooks, chains).
    ema: the averaged weights of the networks that a stage with a moving average trains, else empty.
    fault: int32 [3], (step, turn, metric) of the first metric that was not finite; -1 while all is well.
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
        return {"params": {**self.params, **self.ema}, **self.collections}

    def part(self, names: Collection[str]) -> State:
        """The networks, and the collections' entries, of these names as a state of its own."""

        def some(trees: Mapping[str, Tree]) -> dict[str, Tree]:
            return {name: tree for name, tree in trees.items() if name in names}

        return dataclasses.replace(
            self,
            params=some(self.params),
            collections={name: kept for name, trees in self.collections.items() if (kept := some(trees))},
            opt_states=some(self.opt_states),
            ema=some(self.ema),
        )

    def joined(self, part: State) -> State:
        """This state with a part of it as it has become; step and fault are the part's."""
        return dataclasses.replace(
            part,
            params={**self.params, **part.params},
            collections={
                name: {**self.collections.get(name, {}), **part.collections.get(name, {})}
                for name in {**self.collections, **part.collections}
            },
            opt_states={**self.opt_states, **part.opt_states},
            ema={**self.ema, **part.ema},
        )


def networks(stage: Stage, params: Mapping[str, Tree]) -> tuple[str, ...]:
    """The networks that some turn of the stage trains, in the order of the parameters' names."""
    named = {name for turn in stage.turns for name in (turn.trains or params)}
    if missing := sorted(named - set(params)):
        raise ValueError(
            f"stage {stage.name!r} trains {', '.join(missing)}, but the model's networks are {', '.join(params)}"
        )
    return tuple(name for name in params if name in named)


def _all_losses(model: Any, batches: Sequence[Mapping[str, Any]], stages: Sequence[Stage]) -> None:
    # Whatever some loss calls gets its parameters: no experiment has to say how it is initialised.
    for stage, batch in zip(stages, batches, strict=True):
        for turn in stage.turns:
            turn.loss(model, {**batch, "step": jnp.zeros((), jnp.int32)})


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
        networks(stage, params)  # a misnamed network is an error now, not an hour later
    return begin(experiment.stages[0], state)


def begin(stage: Stage, state: State) -> State:
    """Enters a stage: averaged weights of the one before are handed on, optimisers start afresh."""
    params = {**state.params, **state.ema}
    names = networks(stage, params)
    return dataclasses.replace(
        state,
        params=params,
        opt_states={name: stage.optimizer(name).init(params[name]) for name in names},
        # A copy, because the step donates its input and one buffer cannot be given away twice.
        ema={name: jax.tree.map(jnp.copy, params[name]) for name in names} if stage.ema else {},
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
    """One 32-bit number a leaf: Σ word_i · (2i + 1) mod 2³².

    Odd factors are invertible mod 2³², so any single damaged word changes the sum; integer sums have no rounding,
    so the value is the same on any number of devices and the arrays never have to come to the host. Compiled for
    each shape, not for each tree: a state may have ten thousand leaves of some hundred shapes.
    """
    return [int(number) for number in jax.device_get([_leaf_sum(leaf) for leaf in jax.tree.leaves(tree)])]


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
