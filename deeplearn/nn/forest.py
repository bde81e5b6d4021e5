"""A function of every inner node of a batch of trees, children before their parents, and its gradient.

The batch is one forest: its inner nodes are put in a row, level by level, without padding, and are taken CHUNK at
a time. The loops take as many turns as these trees need, which JAX cannot differentiate, so the way down is written
out here. A state is read by one node alone, its parent: slopes are handed down, and only those of weights are added
up.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap

CHUNK = 32  # nodes of the whole batch that are computed at a time, chosen by benchmarks/trees.py

# (weights, inputs [..., n], states of the children [..., arity, size]) -> the node's state [..., size]
Node = Callable[[Any, jax.Array, jax.Array], jax.Array]


class Row(NamedTuple):
    """The inner nodes of a batch in a row. Nodes are numbered through the batch, batch · nodes is none.

    node: [row] which node stands there. children: [row, arity] their numbers. place: [batch · nodes + 1] where the
    state of a node stands among all states: first those of leaves by their numbers, then the row, then a zero.
    ends: [levels] where levels end.
    """

    node: jax.Array
    children: jax.Array
    place: jax.Array
    ends: jax.Array

    @classmethod
    def of(cls, children: jax.Array, levels: jax.Array) -> Row:
        (batch, nodes, arity), (_, height, width) = children.shape, levels.shape
        none, first = batch * nodes, nodes * jnp.arange(batch)
        length = batch * min(height * width, nodes) + CHUNK  # of the row, at most
        at = levels.swapaxes(0, 1)  # [height, batch, width]
        inside = (at >= 0).ravel()
        position = jnp.where(inside, jnp.cumsum(inside) - 1, length)
        node = jnp.full(length, none).at[position].set((at + first[:, None]).ravel(), mode="drop")
        below = jnp.where(children < 0, none, children + first[:, None, None]).reshape(none, arity)
        below = jnp.pad(below, ((0, 1), (0, 0)), constant_values=none)[node]
        place = jnp.arange(none + 1).at[node].set(none + jnp.arange(length)).at[none].set(none + length)
        return cls(node, below, place, jnp.cumsum(inside.reshape(height, -1).sum(1)))

    def after(self, start: jax.Array) -> jax.Array:
        """Where the chunk that begins at `start` ends: no node of it is another's child."""
        return jnp.minimum(start + CHUNK, self.ends[jnp.searchsorted(self.ends, start, side="right")])


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def climb(
    node: Node, weights: Any, leaves: jax.Array, inputs: jax.Array, children: jax.Array, levels: jax.Array
) -> jax.Array:
    """The states of all nodes, [batch, nodes, size].

    leaves: [batch, nodes, size], the states of all nodes if they were leaves. inputs: [batch, nodes, n].
    children: int32 [batch, nodes, arity], levels: int32 [batch, levels, width], as `deeplearn.data.trees.packed`
    makes them.
    """
    return _climbed(node, weights, leaves, inputs, children, levels)[0]


def _climbed(node: Node, *arguments: Any) -> tuple[jax.Array, Any]:
    # Side by side, forests would take the turns of the largest one, each with a copy of all states.
    return sequential_vmap(functools.partial(_up, node))(*arguments)


def _up(
    node: Node, weights: Any, leaves: jax.Array, inputs: jax.Array, children: jax.Array, levels: jax.Array
) -> tuple[jax.Array, Any]:
    """The states, and what the way down needs."""
    (batch, nodes, size), row = leaves.shape, Row.of(children, levels)
    none, flat = batch * nodes, _with_zero(inputs)
    states = jnp.concatenate([leaves.reshape(none, size), jnp.zeros((len(row.node) + 1, size), leaves.dtype)])
    starts = jnp.zeros(len(row.ends) + len(row.node) // CHUNK + 1, jnp.int32)

    def more(carry: Any) -> jax.Array:
        return carry[1] < row.ends[-1]

    def chunk(carry: Any) -> Any:
        turn, start, starts, states = carry
        nodes, below = _cut(row.node, start), _cut(row.children, start)
        new = node(weights, flat[nodes], states[row.place[below]])
        states = jax.lax.dynamic_update_slice(states, new, (none + start, 0))
        return turn + 1, row.after(start), starts.at[turn].set(start), states

    zero = jnp.zeros((), jnp.int32)
    turns, _, starts, states = jax.lax.while_loop(more, chunk, (zero, zero, starts, states))
    found = states[row.place[:none]].reshape(batch, nodes, size)
    return found, (weights, flat, states, row, turns, starts)


def _descended(node: Node, kept: Any, slope: jax.Array) -> Any:
    return *sequential_vmap(functools.partial(_down, node))(kept, slope), None, None


def _down(node: Node, kept: Any, slope: jax.Array) -> tuple[Any, jax.Array, jax.Array]:
    """From the slope of the states [batch, nodes, size] those of weights, leaves and inputs."""
    weights, inputs, states, row, turns, starts = kept
    (batch, nodes, size), arity = slope.shape, row.children.shape[-1]
    none, length = batch * nodes, len(row.node)
    own = _with_zero(slope)
    # The slope of a node's state comes from its place among the children in the row; a root's from the zero there.
    places = jnp.arange(length * arity).reshape(length, arity)
    source = jnp.full(none + 1, length * arity).at[row.children].set(places).at[none].set(length * arity)

    def chunk(carry: Any) -> Any:
        turn, end, handed, gates, total = carry
        start = starts[turn]
        nodes, below = _cut(row.node, start), _cut(row.children, start)
        inside = jnp.arange(CHUNK) < end - start
        slopes = jnp.where(inside[:, None], own[nodes] + handed[source[nodes]], 0)
        _, back = jax.vjp(node, weights, inputs[nodes], states[row.place[below]])
        weight, gate, children = back(slopes)
        handed = _put(handed, children.reshape(-1, size), start * arity, jnp.repeat(inside, arity))
        gates = _put(gates, gate, start, inside)
        return turn - 1, start, handed, gates, jax.tree.map(jnp.add, total, weight)

    handed = jnp.zeros((length * arity + 1, size), slope.dtype)
    gates = jnp.zeros((length + 1, inputs.shape[-1]), inputs.dtype)
    carry = turns - 1, row.ends[-1], handed, gates, jax.tree.map(jnp.zeros_like, weights)
    *_, handed, gates, total = jax.lax.while_loop(lambda carry: carry[0] >= 0, chunk, carry)
    at = row.place[:none] - none  # below 0: a leaf
    leaves = jnp.where(at[:, None] < 0, own[:none] + handed[source[:none]], 0)
    gates = gates[jnp.where(at < 0, length, at)]
    return total, leaves.reshape(slope.shape), gates.reshape(batch, nodes, gates.shape[-1])


climb.defvjp(_climbed, _descended)


def _with_zero(values: jax.Array) -> jax.Array:
    """[batch, nodes, n] -> [batch · nodes + 1, n]; the last is zero."""
    return jnp.pad(values.reshape(values.shape[0] * values.shape[1], values.shape[2]), ((0, 1), (0, 0)))


def _cut(row: jax.Array, start: jax.Array) -> jax.Array:
    """CHUNK places of a row."""
    return jax.lax.dynamic_slice_in_dim(row, start, CHUNK)


def _put(row: jax.Array, new: jax.Array, start: jax.Array, inside: jax.Array) -> jax.Array:
    """The row with `new` from `start` on, where it is inside."""
    old = jax.lax.dynamic_slice_in_dim(row, start, len(new))
    return jax.lax.dynamic_update_slice_in_dim(row, jnp.where(inside[:, None], new, old), start, 0)
