"""The compiled part: one turn, and for dense networks many steps in one loop.

Everything random is folded from (seed, step, slot), where the slot numbers the fresh batches within a step. The
host passes both as the `clock`; no key is carried along, so a resumed run draws the same numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from deeplearn.mean import Mean
from deeplearn.nn.rows import MOVES, TAKEN
from deeplearn.optim.rows import RowOptimizer, Some, each, vectors
from deeplearn.train.experiment import Batch, Stage, Turn
from deeplearn.train.loss import call_loss
from deeplearn.train.precision import mixed_precision
from deeplearn.train.rows import row_gradients, unmoved
from deeplearn.train.state import Group, State
from deeplearn.train.trees import joined, part

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
    gradients and metrics are put together (pmap), if there is one. Norms of networks that are trained row by row
    are over the rows as they were looked up: one that was looked up twice counts twice.
    clock: int32 [2], the step and the slot within it; or [3], and whether to compute the norms of gradient, update
    and parameters, else 0: on a small network they cost as much as a layer, which a loop of steps saves.
    """
    turn = stage.turns[index]
    mine = [group for group in trained_groups if index in group.turns]
    by_rows = [group for group in mine if isinstance(group.optimizer, RowOptimizer)]

    def update(state: State, batch: Batch, clock: jax.Array) -> tuple[State, Scalars]:
        step, slot = clock[0], clock[1]
        key = jax.random.wrap_key_data(state.key)
        key = jax.random.fold_in(jax.random.fold_in(key, step), slot)
        if axis is not None:
            key = jax.random.fold_in(key, jax.lax.axis_index(axis))
        trained = part(state.params, [path for group in mine if group not in by_rows for path in group.paths])

        def call(trained: Any, moves: Any, collections: Any, batch: Batch, key: jax.Array, *more: str) -> Any:
            variables = {
                "params": joined(state.params, trained),
                **collections,
                **({MOVES: moves} if moves else {}),
            }
            with mixed_precision(precision):
                return model.apply(
                    variables,
                    turn,
                    {**batch, "step": step},
                    method=call_loss,
                    rngs={"params": key},  # Flax derives every random stream from this one
                    mutable=[*collections, *more],
                )

        def total(differentiated: Any, collections: Any, batch: Batch, key: jax.Array) -> Any:
            """The loss before it is divided by its weight, so that parts of a batch add up."""
            trained, moves = differentiated
            more = [TAKEN] if by_rows else []
            (loss, metrics), updated = call(trained, moves, collections, batch, key, *more)
            updated = dict(updated)
            return loss.total, ({**metrics, "loss": loss}, updated.pop(TAKEN, {}), updated)

        moves: Any = {}
        if by_rows:
            piece = jax.tree.map(lambda x: x[: x.shape[0] // accumulate], batch)
            moves = unmoved(lambda more: call(trained, {}, state.collections, piece, key, *more))
        gradient = jax.value_and_grad(total, has_aux=True)
        if accumulate == 1:
            (_, (means, taken, collections)), (grads, moves) = gradient(
                (trained, moves), state.collections, batch, key
            )
        else:
            (grads, moves), (means, taken, collections) = _accumulated(
                gradient, (trained, moves), state.collections, batch, key, accumulate
            )
        if axis is not None:
            grads, means = jax.lax.psum((grads, means), axis)
            moves, taken = jax.lax.all_gather((moves, taken), axis)
        divisor = _divisor(means["loss"].weight)
        grads = jax.tree.map(lambda g: g / divisor.astype(g.dtype), grads)
        metrics = {name: mean.value for name, mean in means.items()}

        params, opt_states = state.params, dict(state.opt_states)
        updates: dict[str, Any] = {}
        for group in mine:
            before = part(state.params, group.paths)
            if group in by_rows:
                rows = each(lambda g: g.times(1 / divisor), row_gradients(taken, moves, state.params, group.paths))
                grads = joined(grads, rows)
                update, opt_states[group.name] = group.optimizer.update(rows, state.opt_states[group.name])
                params = joined(params, each(Some.added_to, update, before))
            else:
                update, opt_states[group.name] = group.optimizer.update(
                    part(grads, group.paths), state.opt_states[group.name], before
                )
                params = joined(params, optax.apply_updates(before, update))
            updates = joined(updates, update)
        after, ema = part(params, turn.paths), state.ema
        if stage.ema:
            # Early averages follow quickly, so that the initial weights do not dominate.
            age = (step - start).astype(jnp.float32)
            decay = jnp.minimum(stage.ema, (1 + age) / (10 + age))
            average = jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, part(ema, turn.paths), after)
            ema = joined(ema, average)
        trees = {"gradient_norm": grads, "update_norm": updates, "parameter_norm": after}

        def norms() -> Scalars:
            return {name: optax.tree.norm(vectors(tree)).astype(jnp.float32) for name, tree in trees.items()}

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
    gradient: Callable[..., Any], differentiated: Any, collections: Any, batch: Batch, key: jax.Array, parts: int
) -> tuple[tuple[Any, Any], tuple[dict[str, Mean], Any, Any]]:
    """Summed gradients and metrics over the batch's parts; collections pass from part to part.

    Gradients of rows are not summed but stacked, [parts, ...], and so are the rows' ids.
    """
    cut = jax.tree.map(lambda x: x.reshape(parts, x.shape[0] // parts, *x.shape[1:]), batch)

    def part(carry: Any, item: Any) -> Any:
        collections, total = carry
        number, piece = item
        key_of_part = jax.random.fold_in(key, number)
        (_, (means, taken, collections)), (grads, moves) = gradient(differentiated, collections, piece, key_of_part)
        return (collections, jax.tree.map(jnp.add, total, grads)), (means, taken, moves)

    zeros = jax.tree.map(jnp.zeros_like, differentiated[0])
    (collections, total), (means, taken, moves) = jax.lax.scan(part, (collections, zeros), (jnp.arange(parts), cut))
    return (total, moves), (jax.tree.map(lambda m: m.sum(0), means), taken, collections)


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
