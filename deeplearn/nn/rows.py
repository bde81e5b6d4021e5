"""A table of vectors of which a batch looks up a few: an embedding that can be trained row by row.

The gradient of a lookup is a matrix as large as the table, zero in all rows but the few that were looked up. With a
vocabulary of a million words that is all of the work. So a training step may ask for the rows alone: it makes the
collection TAKEN mutable, in which each lookup leaves its ids, and differentiates with respect to MOVES, zeros that
are added to what was looked up (`deeplearn.train.rows`).
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.errors import UserError
from deeplearn.nn.checks import assert_integers

TAKEN, MOVES = "taken", "moves"
TABLE = "rows"  # the name of the parameter


class Rows(nn.Module):
    """ids [...] -> vectors [..., features], rows of the parameter `rows` [size, features].

    A row optimiser (`deeplearn.optim.rows`) changes only what was looked up; any other trains it like every
    parameter.
    """

    size: int
    features: int
    init: Any = nn.initializers.zeros

    def setup(self) -> None:
        self.rows = self.param(TABLE, self.init, (self.size, self.features))

    def __call__(self, ids: jax.Array) -> jax.Array:
        assert_integers(ids=ids)
        vectors = self.rows[ids]
        if self.is_initializing() or not self.is_mutable_collection(TAKEN):
            return vectors
        number = str(len(self.get_variable(TAKEN, "ids", ())))  # of the lookups before this one
        self.sow(TAKEN, "ids", ids)
        if self.is_mutable_collection(MOVES):
            self.put_variable(MOVES, number, jnp.zeros_like(vectors))
        return vectors + self.get_variable(MOVES, number)

    @property
    def table(self) -> jax.Array:
        """All rows [size, features]; a loss that is trained row by row cannot use them."""
        if not self.is_initializing() and self.is_mutable_collection(TAKEN):
            raise UserError(
                f"a loss uses all rows of {self.name!r}, but its optimiser trains the rows that are looked up: "
                "give it another optimiser"
            )
        return self.rows
