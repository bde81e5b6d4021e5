"""Optimisers for tables of which a batch looks up a few rows (`deeplearn.nn.rows`): these alone are changed.

A row that is looked up twice in a batch moves by the sum of both changes, as if they came one after the other with
gradients taken at the same place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import flax
import jax
import jax.numpy as jnp
import optax

Tree = Any


@flax.struct.dataclass
class Some:
    """Rows of a table: ids int32 [N], perhaps one several times, and a vector for each, scale · values [N, D].

    The scale is apart, so that a small step does not pass over its gradients once more for each factor.
    """

    ids: jax.Array
    values: jax.Array
    scale: jax.Array | float = 1.0

    @property
    def vectors(self) -> jax.Array:
        return self.scale * self.values

    def times(self, factor: jax.Array | float) -> Some:
        return self.replace(scale=factor * self.scale)  # type: ignore[attr-defined]

    def added_to(self, table: jax.Array) -> jax.Array:
        return table.at[self.ids].add(self.vectors.astype(table.dtype))


class RowOptimizer(NamedTuple):
    """Like an optax.GradientTransformation, but of trees whose leaves are `Some`.

    init(tables) -> state; update(gradients, state) -> (changes, state).
    """

    init: Callable[[Tree], Tree]
    update: Callable[[Tree, Tree], tuple[Tree, Tree]]


def each(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """jax.tree.map over the tables of a tree with `Some` as leaves."""
    return jax.tree.map(function, tree, *others, is_leaf=lambda leaf: isinstance(leaf, Some))


def vectors(tree: Tree) -> Tree:
    """A tree with the vectors alone in place of `Some`."""
    return each(lambda leaf: leaf.vectors if isinstance(leaf, Some) else leaf, tree)


def row_descent(rate: optax.Schedule, examples: int = 1) -> RowOptimizer:
    """w ← w − rate(t) · g.

    examples: of the batch over which the loss is a mean; g is multiplied by it, so that each example moves its rows
    as if it came alone.
    """

    def init(tables: Tree) -> Tree:
        return {"count": jnp.zeros((), jnp.int32)}

    def update(gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        step = -examples * rate(state["count"])
        return each(lambda g: g.times(step), gradients), {"count": state["count"] + 1}

    return RowOptimizer(init, update)


def row_adagrad(rate: float, examples: int = 1, start: float = 1.0) -> RowOptimizer:
    """w ← w − rate · g / √s, then s ← s + (rate · g)², for each weight, s from `start` (Duchi et al. 2011).

    examples: as in `row_descent`. As GloVe's C program has it (Pennington et al. 2014), which multiplies by the
    rate before it sums, starts at 1, and divides before it adds.
    """

    def init(tables: Tree) -> Tree:
        return {"squares": jax.tree.map(lambda table: jnp.full_like(table, start), tables)}

    def update(gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        squares = state["squares"]
        steps = each(lambda g: Some(g.ids, examples * rate * g.vectors), gradients)
        changes = each(lambda g, s: Some(g.ids, -g.values / jnp.sqrt(s[g.ids])), steps, squares)
        return changes, {"squares": each(lambda g, s: Some(g.ids, g.values**2).added_to(s), steps, squares)}

    return RowOptimizer(init, update)
