"""The compiled part: one turn, and for dense networks many steps in one loop.

Everything random is folded from (seed, step, slot), where the slot numbers the fresh batches within a step. The
host passes both as the `clock`; no key is carried along, so a resumed run draws the same numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.extend
import jax.numpy as jnp
import optax

from deeplearn.errors import UserError
from deeplearn.mean import Mean
from deeplearn.train.experiment import Batch, Stage, Turn
from deeplearn.train.loss import call_loss
from deeplearn.train.precision import mixed_precision
from deeplearn.train.state import Group, State
from deeplearn.train.trees import Path, joined, part, unit_of

Scalars = dict[str, jax.Array]
Update = Callable[[State, Batch, jax.Array], tuple[State, Scalars]]
FAULT = "fault"


def turn_update(
    model: nn.Module,
    stage: Stage,
    index: int,
    trained_groups: Sequence[Group],
    *,
    start: int = 0,
    precision: str = "float32",
    accumulate: int = 1,
    axis: str | None = None,
) -> Update:
    """The pure function (state, batch, clock) -> (state, metrics) of the stage's turn number `index`.

    trained_groups: those of the stage (`groups`). start: the stage's first step. accumulate: the batch is cut into
    this many parts whose gradients are put together before the one update. axis: the mapped axis over which
    gradients and metrics are put together (pmap), if there is one.
    clock: int32 [2], the step and the slot within it; or [3], and whether to compute the norms of gradient, update
    and parameters, else 0: on a small network they cost as much as a layer, which a loop of steps saves.
    """
    turn = stage.turns[index]
    mine = [group for group in trained_groups if index in group.turns]

    def update(state: State, batch: Batch, clock: jax.Array) -> tuple[State, Scalars]:
        step, slot = clock[0], clock[1]
        key = jax.random.wrap_key_data(state.key)
        key = jax.random.fold_in(jax.random.fold_in(key, step), slot)
        if axis is not None:
            key = jax.random.fold_in(key, jax.lax.axis_index(axis))
        trained = part(state.params, turn.paths)

        def total(trained: Any, collections: Any, batch: Batch, key: jax.Array) -> Any:
            """The loss before it is divided by its weight, so that parts of a batch add up."""
            with mixed_precision(precision):
                (loss, metrics), updated = model.apply(
                    {"params": joined(state.params, trained), **collections},
                    turn,
                    {**batch, "step": step},
                    method=call_loss,
                    rngs={"params": key},  # Flax derives every random stream from this one
                    mutable=list(collections),
                )
            return loss.total, ({**metrics, "loss": loss}, dict(updated))

        gradient = jax.value_and_grad(total, has_aux=True)
        if accumulate == 1:
            (_, (means, collections)), grads = gradient(trained, state.collections, batch, key)
        else:
            grads, means, collections = _accumulated(gradient, trained, state.collections, batch, key, accumulate)
        if axis is not None:
            grads, means = jax.lax.psum((grads, means), axis)
        grads = jax.tree.map(lambda g: g / _divisor(means["loss"].weight).astype(g.dtype), grads)
        metrics = {name: mean.value for name, mean in means.items()}

        params, opt_states = state.params, dict(state.opt_states)
        updates: dict[str, Any] = {}
        for group in mine:
            update, opt_states[group.name] = group.optimizer.update(
                part(grads, group.paths), state.opt_states[group.name], part(state.params, group.paths)
            )
            updates = joined(updates, update)
        after = optax.apply_updates(trained, updates)
        params, ema = joined(params, after), state.ema
        if stage.ema:
            # Early averages follow quickly, so that the initial weights do not dominate.
            age = (step - start).astype(jnp.float32)
            decay = jnp.minimum(stage.ema, (1 + age) / (10 + age))
            average = jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, part(ema, turn.paths), after)
            ema = joined(ema, average)
        trees = {"gradient_norm": grads, "update_norm": updates, "parameter_norm": after}

        def norms() -> Scalars:
            return {name: optax.tree.norm(tree).astype(jnp.float32) for name, tree in trees.items()}

        if len(clock) == 2:
            metrics |= norms()
        else:
            metrics |= jax.lax.cond(clock[2] > 0, norms, lambda: dict.fromkeys(trees, jnp.zeros(())))
        fault = _first_fault(state.fault, metrics, step, index)
        state = dataclasses.replace(
            state,
            step=step + 1,
            params=params,
            collections=collections,
            opt_states=opt_states,
            ema=ema,
            fault=fault,
        )
        return state, {**metrics, FAULT: fault}

    return update


def _divisor(weight: jax.Array) -> jax.Array:
    # Where the weight is 0, so is the gradient.
    return jnp.where(weight == 0, 1, weight)


def _accumulated(
    gradient: Callable[..., Any], trained: Any, collections: Any, batch: Batch, key: jax.Array, parts: int
) -> tuple[Any, dict[str, Mean], Any]:
    """Summed gradients and metrics over the batch's parts; collections pass from part to part."""
    cut = jax.tree.map(lambda x: x.reshape(parts, x.shape[0] // parts, *x.shape[1:]), batch)

    def part(carry: Any, item: Any) -> Any:
        collections, total = carry
        number, piece = item
        (_, (means, collections)), grads = gradient(trained, collections, piece, jax.random.fold_in(key, number))
        return (collections, jax.tree.map(jnp.add, total, grads)), means

    zeros = jax.tree.map(jnp.zeros_like, trained)
    (collections, total), means = jax.lax.scan(part, (collections, zeros), (jnp.arange(parts), cut))
    return total, jax.tree.map(lambda m: m.sum(0), means), collections


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


def _first_fault(fault: jax.Array, metrics: Scalars, step: jax.Array, turn: int) -> jax.Array:
    bad = ~jnp.isfinite(jnp.stack([metrics[name] for name in sorted(metrics)]))
    here = jnp.stack([step, jnp.int32(turn), jnp.argmax(bad).astype(jnp.int32)])
    return jnp.where(jnp.any(bad) & (fault[0] < 0), here, fault)


def steps_in_loop(stage: Stage, updates: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """Whole steps in one compiled loop, for networks without convolutions.

    Returns (state, batches, clock) -> (state, [metrics of each turn]), where clock is int32 [2], the first step and
    the number of steps to take; norms are those of the last. Every leaf of `batches` has a leading axis of at least
    count · slots. The number of steps is data: a loop that ends early for a checkpoint runs the same compiled body,
    hence the same bits.
    """
    turns, offsets, slots = stage.turns, stage.first_slots, stage.slots

    def loop(state: State, batches: Batch, clock: jax.Array) -> tuple[State, list[Scalars]]:
        def take(index: int, i: jax.Array, state: State, metrics: Scalars) -> Any:
            now, last = clock[0] + i, (i == clock[1] - 1).astype(jnp.int32)

            def once(repeat: jax.Array, carry: Any) -> Any:
                slot = offsets[index] + repeat
                batch = jax.tree.map(
                    lambda x: jax.lax.dynamic_index_in_dim(x, i * slots + slot, keepdims=False), batches
                )
                return updates[index](carry[0], batch, jnp.stack([now, slot, last]))

            times = turns[index].times
            if times == 1:
                return once(jnp.int32(0), (state, metrics))
            return jax.lax.fori_loop(0, times, once, (state, metrics))

        def body(i: jax.Array, carry: Any) -> Any:
            state, metrics = carry
            for index, turn in enumerate(turns):
                if turn.every == 1:
                    state, metrics[index] = take(index, i, state, metrics[index])
                else:
                    state, metrics[index] = jax.lax.cond(
                        turn.due(clock[0] + i),
                        lambda s, m, index=index: take(index, i, s, m),
                        lambda s, m: (s, m),
                        state,
                        metrics[index],
                    )
            return state, metrics

        one = jax.tree.map(lambda x: x[0], batches)
        metrics = [
            jax.tree.map(
                lambda m: jnp.zeros(m.shape, m.dtype),
                jax.eval_shape(update, state, one, jnp.zeros(3, jnp.int32))[1],
            )
            for update in updates
        ]
        return jax.lax.fori_loop(0, clock[1], body, (state, metrics))

    return loop


def vectorised(update: Callable[..., Any]) -> Callable[..., Any]:
    """The update of several replicas at once: states and batches have a leading axis, the clock has none."""
    return jax.vmap(update, in_axes=(0, 0, None))


def taken(stage: Stage, step: int) -> Mapping[int, Turn]:
    """The indices of the turns in step number `step`."""
    return {index: turn for index, turn in enumerate(stage.turns) if turn.due(step)}
