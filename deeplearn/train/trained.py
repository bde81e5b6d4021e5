"""A model with its trained weights, whose functions can be called."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from flax.errors import ScopeParamShapeError

from deeplearn.data import numeric
from deeplearn.errors import UserError
from deeplearn.mean import Mean
from deeplearn.train.loss import as_mean

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
    moving averages where the experiment keeps any. UserError where their shapes are not those of the networks.

    config: the experiment's own `Config`. facts: those of a rival, {} otherwise. `trained["wgan"]`:
    one of the systems that were trained side by side, as a `Trained` of its own; `rivals` has their facts.
    """

    def __init__(
        self,
        model: nn.Module,
        variables: Tree,
        key: jax.Array,
        config: Any = None,
        rivals: Mapping[str, Mapping[str, Any]] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.variables, self.key, self.config = model, variables, key, config
        self.rivals, self.facts = rivals or {}, facts or {}

    def __call__(self, function: Callable[..., Any], *arrays: Any, **static: Any) -> Any:
        constants = tuple(sorted(static.items()))
        try:
            return _apply(self.model, function, constants, self.variables, self.key, *arrays)
        except ScopeParamShapeError as error:  # of a run that an older program trained
            reason = str(error).split(" (https")[0].rstrip(".")
            raise UserError(
                f"the weights are not of these networks ({reason}): put back the program that trained them, or "
                "train them again"
            ) from error

    def __getitem__(self, name: str) -> Trained:
        own = {collection: trees[name] for collection, trees in self.variables.items() if name in trees}
        model = self.model.systems[name].module
        return Trained(model, own, self.key, self.config, facts=self.rivals.get(name))

    def over(
        self,
        function: Callable[..., Any],
        arrays: Mapping[str, np.ndarray] | np.ndarray,
        size: int = 500,
        **static: Any,
    ) -> Any:
        """`function(model, rows, **static)` over rows in blocks of `size`, results concatenated (numpy).

        Each block has its own random numbers. Text columns are left out.
        """
        arrays = numeric(arrays) if isinstance(arrays, Mapping) else arrays
        rows = len(jax.tree.leaves(arrays)[0])
        results = []
        for number, start in enumerate(range(0, rows, size)):
            block = jax.tree.map(lambda x, start=start: x[start : start + size], arrays)
            results.append(self.folded(number)(function, block, **static))
        return jax.tree.map(lambda *parts: np.concatenate(parts), *results)

    def folded(self, number: int) -> Trained:
        """The same weights with other random numbers."""
        key = jax.random.fold_in(self.key, number)
        return Trained(self.model, self.variables, key, self.config, self.rivals, self.facts)

    def mean(
        self,
        function: Callable[..., Mapping[str, jax.Array | Mean]],
        arrays: Mapping[str, np.ndarray] | np.ndarray,
        size: int = 500,
    ) -> dict[str, float]:
        """A batch's metrics over all rows in blocks of `size`. A scalar counts by its rows, a `Mean` by its weight.

        Either way the result does not depend on where the blocks are cut.
        """
        arrays = numeric(arrays) if isinstance(arrays, Mapping) else arrays
        rows = len(jax.tree.leaves(arrays)[0])
        parts: dict[str, list[tuple[float, float]]] = {}
        for number, start in enumerate(range(0, rows, size)):
            block = jax.tree.map(lambda x, start=start: x[start : start + size], arrays)
            count = len(jax.tree.leaves(block)[0])
            for name, value in self.folded(number)(function, block).items():
                mean, times = as_mean(value), 1 if isinstance(value, Mean) else count
                parts.setdefault(name, []).append((times * float(mean.total), times * float(mean.weight)))
        sums = {name: np.sum(each, axis=0) for name, each in parts.items()}
        return {name: float(total / weight) if weight else 0.0 for name, (total, weight) in sums.items()}
