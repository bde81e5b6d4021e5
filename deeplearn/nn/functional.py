"""A bound Flax module as a plain function, so that JAX can differentiate through it inside a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn


def as_function(module: nn.Module) -> Callable[..., Any]:
    """`module.__call__` as a pure function of its arguments, its present variables and no random streams.

    Flax forbids `jax.grad` and its kin around a bound module, whose calls have effects; this copy has none: layers
    that would draw random numbers or update statistics must be called in their evaluation mode.
    """
    unbound, variables = module.unbind()

    def function(*args: Any, **kwargs: Any) -> Any:
        return unbound.apply(variables, *args, **kwargs)

    return function
