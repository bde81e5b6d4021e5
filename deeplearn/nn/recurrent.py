"""Recurrent layers over sequences of unequal lengths: deep, bidirectional, with dropout between the layers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.cells import Cell, kept_types, step
from deeplearn.nn.checks import assert_integers, assert_shapes


class Recurrent(nn.Module):
    """Layers of one kind of cell: `Recurrent(GRUCell, 64)`, `Recurrent(partial(LSTMCell, forget_bias=0.0), 64)`.

    x [batch, time, inputs], lengths [batch] int32 (none: all full) -> (outputs [batch, time, features], states).
    Beyond a sequence's end its state stays as it is, and the outputs are zero; what x holds there does not matter.

    `bidirectional`: a second cell in every layer runs from each sequence's own end to its begin; both outputs
    stand side by side, [batch, time, 2·features], forward first (Schuster & Paliwal 1997).
    Between layers: layer normalisation, if wanted, then dropout, with `same_mask` one mask for all steps of a
    sequence (Gal & Ghahramani 2016), drawn from the stream "dropout" when `train` is set.

    `states[layer][direction]` is the cell's last state; given back as `states` it goes on from there. The backward
    cell's is the one at the begin of the sequence.
    """

    cell: Callable[..., Cell]
    features: int
    layers: int = 1
    bidirectional: bool = False
    layer_norm: bool = False
    dropout: float = 0.0
    same_mask: bool = False

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        lengths: jax.Array | None = None,
        states: Any = None,
        train: bool = False,
    ) -> tuple[jax.Array, tuple[tuple[Any, ...], ...]]:
        assert_shapes(x=(x, "batch time inputs"))
        inside = None
        if lengths is not None:
            assert_shapes(x=(x, "batch time inputs"), lengths=(lengths, "batch"))
            assert_integers(lengths=lengths)
            inside = (jnp.arange(x.shape[1])[:, None] < lengths)[..., None]  # [time, batch, 1]
        x = x.swapaxes(0, 1)  # a loop takes its steps from the first axis
        last = []
        for layer in range(self.layers):
            if layer:
                if self.layer_norm:
                    x = nn.LayerNorm(name=f"norm_{layer - 1}")(x)
                over_time = (0,) if self.same_mask else ()
                x = nn.Dropout(self.dropout, broadcast_dims=over_time, deterministic=not train)(x)
            x, ends = self._layer(layer, x, inside, None if states is None else states[layer])
            last.append(ends)
        return x.swapaxes(0, 1), tuple(last)

    def _layer(
        self, layer: int, x: jax.Array, inside: jax.Array | None, states: Any
    ) -> tuple[jax.Array, tuple[Any, ...]]:
        """One layer: x [time, batch, inputs] -> (outputs [time, batch, features], last states)."""
        outputs, last = [], []
        for direction, name in enumerate(("forward", "backward")[: 1 + self.bidirectional]):
            cell = self.cell(self.features, name=f"{name}_{layer}")
            inputs = cell.project(x)
            state = cell.start(x.shape[1]) if states is None else states[direction]
            assert_shapes(x=(x, "time batch inputs"), state=(cell.hidden(state), f"batch {self.features}"))
            kernel = cell.recurrent_kernel.astype(inputs[0].dtype)
            end, hidden = _loop(type(cell), kernel, state, inputs, inside, reverse=direction == 1)
            outputs.append(hidden if inside is None else jnp.where(inside, hidden, 0))
            last.append(end)
        return jnp.concatenate(outputs, axis=-1), tuple(last)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 5))
def _loop(
    kind: type[Cell],
    kernel: jax.Array,
    state: Any,
    inputs: tuple[jax.Array, jax.Array | None],
    inside: jax.Array | None,
    reverse: bool,
) -> tuple[Any, jax.Array]:
    """(The last state, h of all steps [time, batch, features]); `inputs` as `Cell.project` gives them.

    Where `inside` [time, batch, 1] is false the state stays as it is: backwards, padding comes first and leaves the
    first state for the sequence's own end.
    """

    def body(state: Any, at: Any) -> tuple[Any, jax.Array]:
        new, _ = _step(kind, kernel, state, *at)
        return new, kind.hidden(new).astype(kernel.dtype)

    return jax.lax.scan(body, state, (inputs, inside), reverse=reverse)


def _step(kind: type[Cell], kernel: jax.Array, state: Any, inputs: Any, here: jax.Array | None) -> tuple[Any, Any]:
    """`step` where `here` is true; elsewhere the state stays as it is."""
    new, kept = step(kind, kernel, state, *inputs)
    return _chosen(here, new, state), kept


def _chosen(here: jax.Array | None, new: Any, old: Any) -> Any:
    return new if here is None else jax.tree.map(lambda new, old: jnp.where(here, new, old), new, old)


def _forward(
    kind: type[Cell], kernel: jax.Array, start: Any, inputs: Any, inside: jax.Array | None, reverse: bool
) -> tuple[tuple[Any, jax.Array], Any]:
    """`_loop`, and all states and what else backpropagation through time wants."""

    def body(state: Any, at: Any) -> tuple[Any, Any]:
        new, kept = _step(kind, kernel, state, *at)
        return new, (new, kept)

    last, (states, kept) = jax.lax.scan(body, start, (inputs, inside), reverse=reverse)
    return (last, kind.hidden(states).astype(kernel.dtype)), (kernel, start, states, kept, inside)


def _backward(kind: type[Cell], reverse: bool, saved: Any, changes: Any) -> Any:
    """Backpropagation through time. The kernel's gradient is one product over all steps, after the loop."""
    kernel, start, states, kept, inside = saved
    last, outputs = changes
    before = jax.tree.map(lambda first, all: _shifted(first, all, reverse), start, states)
    transposed = kernel.T

    def body(change: Any, at: Any) -> tuple[Any, Any]:
        old, kept, new, output, here = at
        parts: list[Any]
        change = kind.with_hidden(change, kind.hidden(change) + output)
        direct, *parts = kind.pull(old, kept, new, change)
        if here is not None:
            parts = [None if one is None else jnp.where(here, one, 0) for one in parts]
            direct = _chosen(here, direct, change)
        z, beside = (None if one is None else one.astype(kernel.dtype) for one in parts)
        through = kind.with_hidden(direct, kind.hidden(direct) + z @ transposed)
        return kept_types(through, old), (z, beside)

    at = (before, kept, states, outputs, inside)
    first, (z, beside) = jax.lax.scan(body, last, at, reverse=not reverse)
    hidden = kind.hidden(before).astype(kernel.dtype)
    product = hidden.reshape(-1, hidden.shape[-1]).T @ z.reshape(-1, z.shape[-1])
    return product, first, (z, beside), None


def _shifted(first: jax.Array, all: jax.Array, reverse: bool) -> jax.Array:
    """The state before each step: that after the step before it."""
    first = first[None]
    return jnp.concatenate([all[1:], first] if reverse else [first, all[:-1]])


_loop.defvjp(_forward, _backward)
