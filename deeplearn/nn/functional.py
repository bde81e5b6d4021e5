"""Plain functions about modules and what they see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn


def as_function(module: nn.Module) -> Callable[..., Any]:
    """`module.__call__` as a pure function of its arguments, its present variables and no random streams.

    Inside `jax.grad` and its kin the effects of a bound module's call would leak tracers, which Flax 0.12 does not
    notice. This copy has no effects: layers that would draw random numbers or update statistics raise an error here
    and must be called in their evaluation mode. While parameters are initialised, call the module itself first.
    """
    unbound, variables = module.unbind()

    def function(*args: Any, **kwargs: Any) -> Any:
        return unbound.apply(variables, *args, **kwargs)

    return function


def flat(x: Any) -> Any:
    """[batch, ...] -> [batch, all the rest], of JAX or numpy."""
    return x.reshape(len(x), -1)
