"""Which earlier tokens a token attends to: all, or in a picture's codes a row, a column, a neighbourhood."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

# (positions of queries [time], of keys [source]) -> bool [time, source], true where a query attends to a key.
Pattern = Callable[[jax.Array, jax.Array], jax.Array]


def causal(queries: jax.Array, keys: jax.Array) -> jax.Array:
    """Every token attends to itself and to all before it."""
    return keys <= queries[:, None]


@dataclasses.dataclass(frozen=True)
class PicturePattern:
    """Attention in sequences of a text, then a picture's codes, row after row (Ramesh et al. 2021, figure 11).

    text: tokens before the first code; codes attend to all of them. columns: codes in a row of the picture.
    kind: to which codes up to itself a code attends: "full", all; "row", those since the one above it, which is the
        last; "column", those above it; "convolution", those in a square of `kernel` × `kernel` around it. At the
        picture's edges a row or square goes on at the row before's or after's other end, as published.
    prefix: so many of the first tokens see one another in both directions (Raffel et al. 2020, section 3.2.1).
    """

    text: int
    columns: int
    kind: str = "full"
    prefix: int = 0
    kernel: int = 11

    def __call__(self, queries: jax.Array, keys: jax.Array) -> jax.Array:
        queries = queries[:, None]
        seen = (keys <= queries) | (keys < self.prefix)
        back = queries - keys
        match self.kind:
            case "full":
                return seen
            case "row":
                near = back <= self.columns
            case "column":
                near = back % self.columns == 0
            case "convolution":
                reach = self.kernel // 2
                rows = jnp.arange(reach + 1) * self.columns
                near = (jnp.abs(back[..., None] - rows) <= reach).any(-1)
            case _:
                raise ValueError(f"a pattern {self.kind!r} is none of full, row, column and convolution")
        return seen & ((keys < self.text) | near)


def published_kinds(depth: int) -> tuple[str, ...]:
    """The kinds of `depth` layers: row, column, row, row by turns, in the last a convolution (appendix B.1)."""
    return (*("column" if layer % 4 == 1 else "row" for layer in range(depth - 1)), "convolution")
