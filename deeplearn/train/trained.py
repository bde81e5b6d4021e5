"""A model with its trained weights, to be asked things."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

Tree = Any


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _apply(
    model: nn.Module,
    function: Callable[..., Any],
    static: tuple[Any, ...],
    variables: Tree,
    key: jax.Array,
    *arrays: Any,
) -> Any:
    return model.apply(variables, *arrays, method=function, rngs={"params": key}, **dict(static))


class Trained:
    """`trained(function, *arrays, **static)` is `function(bound model, *arrays, **static)`, compiled.

    The function sees the model as a loss does and may draw from `model.make_rng("noise")`. Positional arguments
    are arrays, keyword arguments are compile-time constants. Compiled once per function, constants and shapes, so
    `function` should be defined at the top of a module and not be a new lambda at each call. The weights are the
    moving averages where the experiment keeps any.
    """

    def __init__(self, model: nn.Module, variables: Tree, key: jax.Array) -> None:
        self.model, self.variables, self.key = model, variables, key

    def __call__(self, function: Callable[..., Any], *arrays: Any, **static: Any) -> Any:
        return _apply(self.model, function, tuple(sorted(static.items())), self.variables, self.key, *arrays)

    def over(
        self,
        function: Callable[..., Any],
        arrays: Mapping[str, np.ndarray] | np.ndarray,
        size: int = 500,
        **static: Any,
    ) -> Any:
        """`function(model, rows, **static)` over rows in blocks of `size`, results concatenated (numpy).

        Each block has its own random numbers.
        """
        rows = len(jax.tree.leaves(arrays)[0])
        results = []
        for number, start in enumerate(range(0, rows, size)):
            block = jax.tree.map(lambda x, start=start: x[start : start + size], arrays)
            results.append(self.folded(number)(function, block, **static))
        return jax.tree.map(lambda *parts: np.concatenate(parts), *results)

    def folded(self, number: int) -> Trained:
        """The same weights with other random numbers."""
        return Trained(self.model, self.variables, jax.random.fold_in(self.key, number))

    def mean(
        self,
        function: Callable[..., Mapping[str, jax.Array]],
        arrays: Mapping[str, np.ndarray],
        size: int = 500,
    ) -> dict[str, float]:
        """Averages a batch's scalar metrics over all rows, each block by its number of rows."""
        rows = len(jax.tree.leaves(arrays)[0])
        totals: dict[str, float] = {}
        for number, start in enumerate(range(0, rows, size)):
            block = jax.tree.map(lambda x, start=start: x[start : start + size], arrays)
            share = len(jax.tree.leaves(block)[0]) / rows
            for name, value in self.folded(number)(function, block).items():
                totals[name] = totals.get(name, 0.0) + share * float(jnp.asarray(value, jnp.float32))
        return totals
