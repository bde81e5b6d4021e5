"""What a step does for networks that are trained row by row: gradients of the rows that a loss looked up."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import jax
import jax.numpy as jnp

from deeplearn.errors import UserError
from deeplearn.nn.rows import MOVES, TABLE, TAKEN
from deeplearn.optim.rows import Some
from deeplearn.train.trees import Path, at, part

Tree = Any


def unmoved(call: Callable[[list[str]], Any]) -> Tree:
    """Zeros for MOVES, in the shapes of what a loss looks up.

    call: of the loss, given the collections that are mutable besides its own; returns (result, what was updated).
    """
    updated = jax.eval_shape(lambda: call([TAKEN, MOVES])[1])
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), dict(updated.get(MOVES, {})))


def row_gradients(taken: Tree, moves: Tree, params: Tree, paths: Collection[Path]) -> Tree:
    """The parameters under the paths with `Some` rows and their gradients in place of each table.

    taken: {…: {"ids": ids of each lookup}}. moves: {…: {number of a lookup: gradient of what it gave}}.
    """
    found: Any = {}
    for keys, table in jax.tree_util.tree_leaves_with_path(part(params, paths)):
        *place, last = (key.key for key in keys)
        lookups = at(taken, (*place, "ids"))
        if last != TABLE or not lookups:
            raise UserError(
                f"{'/'.join((*place, last))} is trained row by row, but the loss looks up no rows of it: give it "
                "another optimiser"
            )
        gradients = at(moves, tuple(place))
        below = found
        for key in place:
            below = below.setdefault(key, {})
        below[last] = Some(
            jnp.concatenate([ids.reshape(-1) for ids in lookups]),
            jnp.concatenate([gradients[str(n)].reshape(-1, table.shape[1]) for n in range(len(lookups))]),
        )
    return found
