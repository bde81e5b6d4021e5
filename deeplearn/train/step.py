"""The compiled part: one turn, and for dense networks many steps in one loop.

Everything random is folded from (seed, step, slot), where the slot numbers the fresh batches within a step. The
host passes both as the `clock`; no key is carried along, so a run that is resumed draws what it would have drawn.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from deeplearn.train.experiment import Batch, Metrics, Stage, Turn
from deeplearn.train.precision import mixed_precision
from deeplearn.train.state import State

Update = Callable[[State, Batch, jax.Array], tuple[State, Metrics]]
FAULT = "fault"


def turn_update(
    model: nn.Module,
    stage: Stage,
    index: int,
    *,
    start: int = 0,
    precision: str = "float32",
    accumulate: int = 1,
    axis: str | None = None,
) -> Update:
    """The pure function (state, batch, clock) -> (state, metrics) of the stage's turn number `index`.

    clock: int32 [2], the step and the slot within it. start: the stage's first step. accumulate: the batch is cut
    into this many parts whose gradients are averaged before the one update. axis: the mapped axis over which
    gradients and metrics are averaged (pmap), if there is one.
    """
    turn = stage.turns[index]

    def update(state: State, batch: Batch, clock: jax.Array) -> tuple[State, Metrics]:
        step, slot = clock[0], clock[1]
        key = jax.random.wrap_key_data(state.key)
        key = jax.random.fold_in(jax.random.fold_in(key, step), slot)
        if axis is not None:
            key = jax.random.fold_in(key, jax.lax.axis_index(axis))
        names = turn.trains or tuple(state.params)
        frozen = {name: tree for name, tree in state.params.items() if name not in names}
        trained = {name: state.params[name] for name in names}

        def objective(trained: Any, collections: Any, batch: Batch, key: jax.Array) -> Any:
            with mixed_precision(precision):
                (loss, metrics), updated = model.apply(
                    {"params": {**frozen, **trained}, **collections},
                    {**batch, "step": step},
                    method=turn.loss,
                    rngs={"params": key},  # Flax serves every stream from this one
                    mutable=list(collections),
                )
            loss = loss.astype(jnp.float32)
            return loss, ({**metrics, "loss": loss}, dict(updated))

        gradient = jax.value_and_grad(objective, has_aux=True)
        if accumulate == 1:
            (_, (metrics, collections)), grads = gradient(trained, state.collections, batch, key)
        else:
            grads, metrics, collections = _accumulated(gradient, trained, state.collections, batch, key, accumulate)
        metrics = {name: jnp.asarray(value, jnp.float32) for name, value in metrics.items()}
        if axis is not None:
            grads, metrics = jax.lax.pmean((grads, metrics), axis)

        params, opt_states, ema = dict(state.params), dict(state.opt_states), dict(state.ema)
        updates = {}
        for name in names:
            updates[name], opt_states[name] = stage.optimizer(name).update(
                grads[name], state.opt_states[name], state.params[name]
            )
            params[name] = optax.apply_updates(state.params[name], updates[name])
            if stage.ema:
                # Young averages follow quickly, so that they are not dominated by the initial weights.
                age = (step - start).astype(jnp.float32)
                decay = jnp.minimum(stage.ema, (1 + age) / (10 + age))
                ema[name] = jax.tree.map(lambda a, p, d=decay: d * a + (1 - d) * p, ema[name], params[name])
        metrics |= {
            "gradient_norm": optax.tree.norm(grads),
            "update_norm": optax.tree.norm(updates),
            "parameter_norm": optax.tree.norm({name: params[name] for name in names}),
        }
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


def names_touched(model: nn.Module, turn: Turn, state: State, batch: Batch) -> frozenset[str]:
    """The networks and collections' entries, by their names at the root, that a turn reads or writes.

    Read off the traced loss: a turn is compiled for this part of the state alone.
    """
    variables = {"params": state.params, **state.collections}
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(variables)]
    names = [path[1].key for path in paths]
    if not turn.trains or len(set(names)) == 1:
        return frozenset(names)

    def loss(variables: Any, batch: Batch) -> Any:
        result, updated = model.apply(
            variables,
            {**batch, "step": jnp.zeros((), jnp.int32)},
            method=turn.loss,
            rngs={"params": jax.random.key(0)},
            mutable=list(state.collections),
        )
        before = dict(jax.tree_util.tree_leaves_with_path(variables))
        after = jax.tree_util.tree_leaves_with_path(dict(updated))
        return result, {path[1].key: leaf for path, leaf in after if leaf is not before[path]}

    traced, (_, written) = jax.make_jaxpr(loss, return_shape=True)(variables, batch)
    read = {id(variable) for equation in traced.jaxpr.eqns for variable in equation.invars}
    read |= {id(variable) for variable in traced.jaxpr.outvars}
    # Variables come before the batch among the inputs.
    inputs = zip(names, traced.jaxpr.invars, strict=False)
    return frozenset(turn.trains) | set(written) | {name for name, variable in inputs if id(variable) in read}


def _accumulated(
    gradient: Callable[..., Any], trained: Any, collections: Any, batch: Batch, key: jax.Array, parts: int
) -> tuple[Any, Metrics, Any]:
    """Averaged gradients and metrics over the batch's parts; collections pass from part to part."""
    cut = jax.tree.map(lambda x: x.reshape(parts, x.shape[0] // parts, *x.shape[1:]), batch)

    def part(carry: Any, item: Any) -> Any:
        collections, total = carry
        number, piece = item
        (_, (metrics, collections)), grads = gradient(trained, collections, piece, jax.random.fold_in(key, number))
        return (collections, jax.tree.map(jnp.add, total, grads)), metrics

    zeros = jax.tree.map(jnp.zeros_like, trained)
    (collections, total), metrics = jax.lax.scan(part, (collections, zeros), (jnp.arange(parts), cut))
    return jax.tree.map(lambda g: g / parts, total), jax.tree.map(lambda m: m.mean(0), metrics), collections


def _first_fault(fault: jax.Array, metrics: Metrics, step: jax.Array, turn: int) -> jax.Array:
    bad = ~jnp.isfinite(jnp.stack([metrics[name] for name in sorted(metrics)]))
    here = jnp.stack([step, jnp.int32(turn), jnp.argmax(bad).astype(jnp.int32)])
    return jnp.where(jnp.any(bad) & (fault[0] < 0), here, fault)


def steps_in_loop(turns: Sequence[Turn], updates: Sequence[Update]) -> Callable[..., Any]:
    """Whole steps in one compiled loop, for networks without convolutions.

    Returns (state, batches, clock) -> (state, [metrics of each turn]), where clock is int32 [2], the first step
    and the number of steps to take, and every leaf of `batches` has a leading axis of at least count · slots.
    The number is data: a loop cut short at a checkpoint runs the same compiled body, hence the same bits.
    """
    offsets = [sum(turn.times for turn in turns[:i]) for i in range(len(turns))]
    slots = sum(turn.times for turn in turns)

    def loop(state: State, batches: Batch, clock: jax.Array) -> tuple[State, list[Metrics]]:
        def take(index: int, step: jax.Array, first: jax.Array, state: State, metrics: Metrics) -> Any:
            def once(repeat: jax.Array, carry: Any) -> Any:
                slot = offsets[index] + repeat
                batch = jax.tree.map(
                    lambda x: jax.lax.dynamic_index_in_dim(x, first + slot, keepdims=False), batches
                )
                return updates[index](carry[0], batch, jnp.stack([step, slot]))

            times = turns[index].times
            if times == 1:
                return once(jnp.int32(0), (state, metrics))
            return jax.lax.fori_loop(0, times, once, (state, metrics))

        def body(i: jax.Array, carry: Any) -> Any:
            state, metrics = carry
            step = clock[0] + i
            for index, turn in enumerate(turns):
                if turn.every == 1:
                    state, metrics[index] = take(index, step, i * slots, state, metrics[index])
                else:
                    state, metrics[index] = jax.lax.cond(
                        step % turn.every == 0,
                        lambda s, m, index=index: take(index, step, i * slots, s, m),
                        lambda s, m: (s, m),
                        state,
                        metrics[index],
                    )
            return state, metrics

        one = jax.tree.map(lambda x: x[0], batches)
        metrics = [
            jax.tree.map(lambda m: jnp.zeros(m.shape, m.dtype), jax.eval_shape(update, state, one, clock)[1])
            for update in updates
        ]
        return jax.lax.fori_loop(0, clock[1], body, (state, metrics))

    return loop


def vectorised(update: Update) -> Update:
    """The update of several replicas at once: states and batches have a leading axis, the clock is shared."""
    return jax.vmap(update, in_axes=(0, 0, None))


def taken(stage: Stage, step: int) -> Mapping[int, Turn]:
    """The turns that step number `step` takes, by index."""
    return {index: turn for index, turn in enumerate(stage.turns) if step % turn.every == 0}
