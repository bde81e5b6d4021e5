"""Attention of a recurrent decoder to an encoder's states: a context, and the weights that made it, to draw."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes


def attend(scores: jax.Array, states: jax.Array, mask: jax.Array | None = None) -> tuple[jax.Array, jax.Array]:
    """Contexts Σⱼ αⱼ hⱼ and their weights α = softmax of the scores (Bahdanau et al. 2015, equations 5 and 6).

    Scores [batch, queries, time], states [batch, time, features] and mask [batch, time], true where a state is
    real -> contexts [batch, queries, features] and weights [batch, queries, time] in float32, 0 at padding. Where
    no state is real both are 0.
    """
    assert_shapes(scores=(scores, "batch queries time"), states=(states, "batch time features"))
    scores = scores.astype(jnp.promote_types(scores.dtype, jnp.float32))
    if mask is None:
        weights = nn.softmax(scores)
    else:
        assert_shapes(states=(states, "batch time features"), mask=(mask, "batch time"))
        real = mask[:, None]
        weights = nn.softmax(jnp.where(real, scores, jnp.finfo(scores.dtype).min))
        weights = jnp.where(real, weights, 0)
    return jnp.einsum("bqt,btf->bqf", weights.astype(states.dtype), states), weights


class BahdanauAttention(nn.Module):
    """Additive attention with scores vᵀ tanh(W s + U h) (Bahdanau et al. 2015, appendix A.1.2).

    query: s [batch, queries, any features], a decoder's states, here the ones before each step. states: h [batch,
    time, features], an encoder's. mask: [batch, time] as in `attend`, which says what is returned. keys: what
    `keys(states)` gave, if it is there already. `hidden` is the length of v.
    """

    hidden: int

    def setup(self) -> None:
        self.query = nn.Dense(self.hidden, use_bias=False)
        self.key = nn.Dense(self.hidden, use_bias=False)
        self.energy = nn.Dense(1, use_bias=False)

    def keys(self, states: jax.Array) -> jax.Array:
        """U h [batch, time, hidden]: a loop over the steps of a decoder computes it once, before it begins."""
        return self.key(states)

    def __call__(
        self, query: jax.Array, states: jax.Array, mask: jax.Array | None = None, keys: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array]:
        _assert_sequences(query, states)
        keys = self.keys(states) if keys is None else keys
        assert_shapes(states=(states, "batch time features"), keys=(keys, f"batch time {self.hidden}"))
        scores = self.energy(nn.tanh(self.query(query)[:, :, None] + keys[:, None]))[..., 0]
        return attend(scores, states, mask)


class LuongAttention(nn.Module):
    """Attention of a decoder's states s, here the ones after each step (Luong et al. 2015, equations 7 and 8).

    The score is one of "dot", sᵀh, "general", sᵀW h, and "concat", vᵀ tanh(W[s; h]), where v is as long as s.
    Arguments and results as in `BahdanauAttention`; "dot" wants as many features of s as of h. ValueError for
    another score.
    """

    score: str

    @nn.compact
    def __call__(
        self, query: jax.Array, states: jax.Array, mask: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array]:
        _assert_sequences(query, states)
        match self.score:
            case "dot":
                assert_shapes(query=(query, "batch queries features"), states=(states, "batch time features"))
            case "general":
                query = nn.Dense(states.shape[-1], use_bias=False, name="query")(query)
            case "concat":  # W[s; h] is a product with either half of W
                return BahdanauAttention(query.shape[-1], name="concat")(query, states, mask)
            case _:
                raise ValueError(f"score {self.score!r} is none of dot, general and concat")
        return attend(jnp.einsum("bqf,btf->bqt", query, states), states, mask)


def _assert_sequences(query: jax.Array, states: jax.Array) -> None:
    assert_shapes(query=(query, "batch queries query_features"), states=(states, "batch time features"))
