"""Penalties on weights: which parameters they apply to, and the proximal step that makes weights exactly zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

Tree = Any


def kernels(params: Tree) -> Tree:
    """True for each parameter that penalties apply to: those whose name begins with "kernel".

    Biases, and the scales and shifts of norms, are left alone. A tree that is a single array counts as a kernel.
    """

    def is_kernel(path: tuple[Any, ...], _: Any) -> bool:
        return not path or jax.tree_util.keystr(path[-1:], simple=True).startswith("kernel")

    return jax.tree_util.tree_map_with_path(is_kernel, params)


def fraction_of_zeros(params: Tree) -> np.ndarray:
    """The fraction of kernel entries that are exactly zero, [members]; each leaf of params is [members, ...]."""
    leaves = [
        np.asarray(w).reshape(len(w), -1)
        for w, penalised in zip(jax.tree.leaves(params), jax.tree.leaves(kernels(params)), strict=True)
        if penalised
    ]
    return (np.concatenate(leaves, 1) == 0).mean(1)


class ProximalState(NamedTuple):
    taken: jax.Array  # updates so far
    inner: optax.OptState


def proximal_l1(
    optimizer: optax.GradientTransformation,
    rate: optax.Schedule,
    penalty: float | jax.Array,
    reach: Callable[[optax.OptState, jax.Array, Tree], Tree],
) -> optax.GradientTransformation:
    """Follows each update of `optimizer` with a soft threshold: w ← sign(w) · max(|w| − rate · penalty · r, 0).

    Kernels only. This minimises loss + penalty · Σ|w| and leaves weights that are exactly zero. For plain gradient
    descent r = 1 (ISTA: Beck & Teboulle 2009, equation 1.4). An optimiser that moves weight i by rate · r_i · g for
    a constant gradient g measures distance along i by 1/r_i, and its threshold grows by r_i (Duchi, Hazan & Singer
    2011, section 5.1; Yun, Lozano & Yang 2021, section 3). So its fixed points are those of the objective; with the
    plain rate it would settle elsewhere, Adam with no zeros to speak of for a penalty well below 1.

    reach(state, count, params) -> r, a tree like params, from the optimiser's state after `count` updates. rate: as
    given to the optimiser.
    """

    def init(params: Tree) -> ProximalState:
        return ProximalState(jnp.zeros([], jnp.int32), optimizer.init(params))

    def update(gradients: Tree, state: ProximalState, params: Tree | None = None) -> tuple[Tree, ProximalState]:
        updates, inner = optimizer.update(gradients, state.inner, params)
        threshold = rate(state.taken) * penalty

        def shrink(is_kernel: bool, weight: jax.Array, step: jax.Array, r: jax.Array) -> jax.Array:
            if not is_kernel:
                return step
            moved = weight + step
            # −weight where the threshold is not passed: the sum is then exactly zero.
            return jnp.sign(moved) * jnp.maximum(jnp.abs(moved) - threshold * r, 0) - weight

        updates = jax.tree.map(shrink, kernels(params), params, updates, reach(inner, state.taken + 1, params))
        return updates, ProximalState(state.taken + 1, inner)

    return optax.GradientTransformation(init, update)
