"""An optimiser for a population in which each member has its own hyper-parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

Tree = Any


def per_member(
    make: Callable[..., optax.GradientTransformation], *values: np.ndarray
) -> optax.GradientTransformation:
    """Trains member m by `make(*(v[m] for v in values))`; every parameter has a leading axis of members.

    make: called under `jax.vmap`, so its arguments are traced scalars: they may be rates and decays, but cannot
    decide which transformations there are. values: each [members].
    """
    columns = [jnp.asarray(value) for value in values]

    def init(params: Tree) -> optax.OptState:
        return jax.vmap(lambda params, *row: make(*row).init(params))(params, *columns)

    def update(gradients: Tree, state: optax.OptState, params: Tree | None = None) -> tuple[Tree, optax.OptState]:
        def one(gradients: Tree, state: optax.OptState, params: Tree, *row: jax.Array) -> Any:
            return make(*row).update(gradients, state, params)

        return jax.vmap(one)(gradients, state, params, *columns)

    return optax.GradientTransformation(init, update)
