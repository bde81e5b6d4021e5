"""Networks over trees, batched: some nodes of all trees at a time, children before their parents.

Trees of any shape are arrays, as `deeplearn.data.trees.packed` makes them: children [batch, nodes, arity], the
numbers of each node's children, and levels [batch, levels, width], the nodes with children; both int32, filled up
with −1. A level needs only leaves and earlier levels. x [batch, nodes, inputs] is zero at nodes without a word.

Each network gives the states h of all nodes, [batch, nodes, features]. Node 0 is the root: h[:, 0] are the roots'.
What h is at padding means nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_integers, assert_shapes
from deeplearn.nn.forest import climb


class RecursiveNetwork(nn.Module):
    """h = f(W [h_left; h_right] + b) over a parse tree (Socher et al. 2011); a leaf's state is its x.

    f is `activation`; `features` is the width of x. W has a block for each of `arity` children, two in the paper.
    """

    activation: Callable[[jax.Array], jax.Array] = nn.tanh
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: jax.Array, children: jax.Array, levels: jax.Array) -> jax.Array:
        _check(x, children, levels)
        features, arity = x.shape[-1], children.shape[-1]
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (arity * features, features))
        bias = self.param("bias", nn.initializers.zeros, (features,))
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)

        node = functools.partial(_recursive, self.activation)
        return climb(node, (kernel, bias), x, x[..., :0], children, levels)  # no inputs at inner nodes


class ChildSumTreeLSTM(nn.Module):
    """The child-sum tree-LSTM, for any number of children in no order (Tai et al. 2015, equations 2–8)."""

    features: int
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: jax.Array, children: jax.Array, levels: jax.Array) -> jax.Array:
        _check(x, children, levels)
        gates = nn.Dense(4 * self.features, dtype=self.dtype, name="input")(x)  # W x + b of i, o, u, f
        init, size = nn.initializers.lecun_normal(), self.features
        kernel = self.param("kernel", init, (size, 3 * size))  # U of i, o, u
        forget_kernel = self.param("forget_kernel", init, (size, size))
        gates, kernel, forget_kernel = nn.dtypes.promote_dtype(gates, kernel, forget_kernel, dtype=self.dtype)

        leaves = _state(gates[..., : 3 * size], 0.0)
        return climb(_child_sum, (kernel, forget_kernel), leaves, gates, children, levels)[..., :size]


class NaryTreeLSTM(nn.Module):
    """The tree-LSTM with matrices of its own for each child's place (Tai et al. 2015, equations 9–14).

    It is the binary one where `children` has an arity of two. A child that is not there counts as zeros.
    """

    features: int
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: jax.Array, children: jax.Array, levels: jax.Array) -> jax.Array:
        _check(x, children, levels)
        gates = nn.Dense(4 * self.features, dtype=self.dtype, name="input")(x)  # W x + b of i, o, u, f
        arity, size = children.shape[-1], self.features
        # U of i, o, u and of each child's forget gate; one block of rows for each child that is read.
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (arity * size, (3 + arity) * size))
        gates, kernel = nn.dtypes.promote_dtype(gates, kernel, dtype=self.dtype)

        leaves = _state(gates[..., : 3 * size], 0.0)
        return climb(_nary, kernel, leaves, gates, children, levels)[..., :size]


def _recursive(
    activation: Callable[[jax.Array], jax.Array], weights: Any, _: jax.Array, below: jax.Array
) -> jax.Array:
    kernel, bias = weights
    return activation(_joined(below) @ kernel + bias)


def _child_sum(weights: Any, gates: jax.Array, below: jax.Array) -> jax.Array:
    kernel, forget_kernel = weights
    size = forget_kernel.shape[0]
    h, c = jnp.split(below, 2, axis=-1)  # [..., arity, features]
    forget = nn.sigmoid(gates[..., None, 3 * size :] + h @ forget_kernel)  # 4
    return _state(gates[..., : 3 * size] + h.sum(-2) @ kernel, (forget * c).sum(-2))


def _nary(kernel: Any, gates: jax.Array, below: jax.Array) -> jax.Array:
    size = below.shape[-1] // 2
    h, c = jnp.split(below, 2, axis=-1)  # [..., arity, features]
    read = _joined(h) @ kernel
    forget = nn.sigmoid(gates[..., None, 3 * size :] + read[..., 3 * size :].reshape(c.shape))  # 10
    return _state(gates[..., : 3 * size] + read[..., : 3 * size], (forget * c).sum(-2))


def _check(x: jax.Array, children: jax.Array, levels: jax.Array) -> None:
    assert_shapes(
        x=(x, "batch nodes inputs"),
        children=(children, "batch nodes arity"),
        levels=(levels, "batch levels width"),
    )
    assert_integers(children=children, levels=levels)


def _state(gates: jax.Array, kept: jax.Array | float) -> jax.Array:
    """[h; c] of what enters i, o and u, and of the children's cells that are kept (equations 3, 5–8; 9, 11–14)."""
    i, o, u = jnp.split(gates, 3, axis=-1)
    c = nn.sigmoid(i) * nn.tanh(u) + kept
    return jnp.concatenate([nn.sigmoid(o) * nn.tanh(c), c], axis=-1)


def _joined(below: jax.Array) -> jax.Array:
    """[..., arity, features] -> [..., arity · features]."""
    return below.reshape(*below.shape[:-2], -1)
