"""Attention with several heads (Vaswani et al. 2017, section 3.2), with a cache to decode token by token."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.functional import by_rows
from deeplearn.nn.patterns import Pattern, causal
from deeplearn.nn.positions import count_positions, rotate


class SelfAttention(nn.Module):
    """Attention of a sequence to itself: [batch, time, features] -> the same, features a multiple of `heads`.

    mask: [batch, time], true where a token is real: no token attends to padding.
    causal: no token attends to a later one.
    rotary: queries and keys are turned by their positions (`positions.rotate`).
    length: how many tokens the cache holds.
    pattern: of causal attention, which tokens a token attends to, in place of all up to itself: a function of
        positions, (queries [time], keys [source]) -> bool [time, source], such as `patterns.PicturePattern`.

    With `decode`, which wants `causal`, x are the next tokens, one or more, after those of the calls before: their
    keys and values are kept in the collection "cache", which the first call makes and every call returns changed
    (`mutable=["cache"]`). The outputs are those of the whole sequence at once; those of a call that goes past
    `length` are NaN. There is no mask then: padding after a sequence comes too late to be seen.
    """

    heads: int
    causal: bool = False
    rotary: bool = False
    length: int = 0
    pattern: Pattern | None = None

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array | None = None, decode: bool = False) -> jax.Array:
        assert_shapes(x=(x, "batch time features"))
        if (decode or self.pattern) and (mask is not None or not self.causal):
            raise ValueError("decoding, and a pattern, want causal attention and no mask")
        query, key, value = (_project(x, x.shape[-1], self.heads, name) for name in ("query", "key", "value"))
        positions = count_positions(self, x.shape[1], decode)
        if self.rotary:
            query, key = rotate(query, positions), rotate(key, positions)
        if decode:
            y = self._attend_to_all_so_far(query, key, value, positions)
        elif self.pattern is not None:
            allowed = self.pattern(positions, positions)
            y = jax.nn.dot_product_attention(query, key, value, mask=allowed[None, None])
        else:
            y = _attend(query, key, value, mask, self.causal)
        return by_rows(nn.Dense(x.shape[-1], name="out"), y.reshape(x.shape))

    def _attend_to_all_so_far(
        self, query: jax.Array, key: jax.Array, value: jax.Array, positions: jax.Array
    ) -> jax.Array:
        batch, time, heads, features = key.shape
        if time > self.length:
            raise AssertionError(f"x has {time} tokens, more than the {self.length} that the cache holds")
        empty = (batch, self.length, heads, features)
        keys = self.variable("cache", "keys", jnp.zeros, empty, key.dtype)
        values = self.variable("cache", "values", jnp.zeros, empty, value.dtype)
        keys.value = jax.lax.dynamic_update_slice_in_dim(keys.value, key, positions[0], 1)
        values.value = jax.lax.dynamic_update_slice_in_dim(values.value, value, positions[0], 1)
        pattern = causal if self.pattern is None else self.pattern
        past = pattern(positions, jnp.arange(self.length))  # [time, length]
        y = jax.nn.dot_product_attention(query, keys.value, values.value, mask=past[None, None])
        return jnp.where(positions[-1] < self.length, y, jnp.nan)  # past its end JAX writes over the cache


class CrossAttention(nn.Module):
    """Attention to another sequence, the memory: x [batch, time, features] -> the same.

    memory: [batch, source, any features]. mask: [batch, source], true where the memory is real; heads that find
    nothing real give 0. With `decode` the memory's keys and values are computed in the first call only and kept in
    the collection "cache"; later calls do not read the memory. Where the collection "attention" is mutable, it gets
    the `weights` [batch, heads, time, source], to draw.
    """

    heads: int

    @nn.compact
    def __call__(
        self, x: jax.Array, memory: jax.Array, mask: jax.Array | None = None, decode: bool = False
    ) -> jax.Array:
        assert_shapes(x=(x, "batch time features"), memory=(memory, "batch source memory_features"))
        features = x.shape[-1]
        query = _project(x, features, self.heads, "query")
        if decode:
            key, value = (
                self.variable("cache", f"{name}s", _project, memory, features, self.heads, name).value
                for name in ("key", "value")
            )
        else:
            key, value = (_project(memory, features, self.heads, name) for name in ("key", "value"))
        if self.is_mutable_collection("attention") and not self.is_initializing():
            self.sow("attention", "weights", _weights(query, key, mask))
        y = _attend(query, key, value, mask)
        return by_rows(nn.Dense(features, name="out"), y.reshape(x.shape))


def _project(x: jax.Array, features: int, heads: int, name: str) -> jax.Array:
    """A dense layer, its features dealt to the heads: [batch, time, heads, features/heads]."""
    if features % heads:
        raise ValueError(f"{features} features cannot be dealt to {heads} heads")
    return by_rows(nn.Dense(features, name=name), x).reshape(*x.shape[:2], heads, features // heads)


def _weights(query: jax.Array, key: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Of each query to each key, [batch, heads, time, source]: softmax(q kᵀ / √features) over what is real."""
    scores = jnp.einsum("bqhf,bkhf->bhqk", query, key).astype(jnp.float32) * query.shape[-1] ** -0.5
    if mask is None:
        return nn.softmax(scores)
    real = mask[:, None, None]
    return jnp.where(real, nn.softmax(jnp.where(real, scores, jnp.finfo(scores.dtype).min)), 0)


def _attend(
    query: jax.Array, key: jax.Array, value: jax.Array, mask: jax.Array | None, causal: bool = False
) -> jax.Array:
    if mask is None:
        return jax.nn.dot_product_attention(query, key, value, is_causal=causal)
    assert_shapes(keys=(key, "batch time heads features"), mask=(mask, "batch time"))
    y = jax.nn.dot_product_attention(query, key, value, mask=mask[:, None, None], is_causal=causal)
    # JAX gives a query that may look at nothing the mean of all values, padding included.
    return jnp.where(mask.any(-1)[:, None, None, None], y, 0)
