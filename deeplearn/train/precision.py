"""Mixed precision for every Flax layer that leaves its `dtype` open."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp


def mixed_precision(name: str) -> contextlib.AbstractContextManager[None]:
    """The context in which layers compute in `name` ("float32" or "bfloat16").

    Parameters, optimiser states and normalisation statistics stay float32; a layer casts its inputs and its
    kernel itself (Flax's `dtype`). A layer that states its own dtype keeps it, so a head that must be exact has
    `dtype=jnp.float32`. This is here and not in the models, so that `--precision` works for every experiment.
    """
    if name == "float32":
        return contextlib.nullcontext()
    dtype = jnp.dtype(name)

    def compute_in(call: Callable[..., Any], args: Any, kwargs: Any, context: nn.module.InterceptorContext) -> Any:
        module = context.module
        if getattr(module, "dtype", dtype) is None:
            # The bound copy of this one application; Flax forbids the plain assignment, not the change.
            object.__setattr__(module, "dtype", dtype)
        return call(*args, **kwargs)

    return nn.intercept_methods(compute_in)
