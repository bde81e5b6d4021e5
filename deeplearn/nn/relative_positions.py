"""Attention that adds a learned number for each distance of two tokens (Raffel et al. 2020, section 2.1).

The buckets of distances are those of the authors' code (mesh_tensorflow/transformer/transformer_layers.py,
_relative_position_bucket).
"""

from __future__ import annotations

import flax.linen as nn
import jax
import numpy as np

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.functional import by_rows


def distance_buckets(time: int, buckets: int, farthest: int) -> np.ndarray:
    """The bucket of each key's distance from each query, int [time, time], when both sides are seen.

    Half of the buckets are for keys behind, half for keys ahead. Of each half one half is for single distances from
    0, the other for ranges that grow as the logarithm up to `farthest`; the last one has all beyond.
    """
    distance = np.arange(time) - np.arange(time)[:, None]
    half = buckets // 2
    single = half // 2
    away = np.abs(distance)
    # float32, as the weights were trained with: at the edge of a range the last bit decides.
    ratio = np.log(np.maximum(away, 1).astype(np.float32) / np.float32(single))
    far = single + (ratio / np.float32(np.log(farthest / single)) * np.float32(half - single)).astype(int)
    return np.where(away < single, away, np.minimum(far, half - 1)) + half * (distance > 0)


class DistanceBias(nn.Module):
    """What is added to attention's scores, [1, heads, time, time]: a learned number for each bucket and head.

    Parameter `table` [buckets, heads].
    """

    heads: int
    buckets: int = 32
    farthest: int = 128

    @nn.compact
    def __call__(self, time: int) -> jax.Array:
        table = self.param("table", nn.initializers.normal(1.0), (self.buckets, self.heads))
        return table[distance_buckets(time, self.buckets, self.farthest)].transpose(2, 0, 1)[None]


class BiasedSelfAttention(nn.Module):
    """softmax(q kᵀ + bias) v, not divided by √features, no biases in layers: [batch, time, features] -> the same.

    head: features of each of `heads`, so that heads · head may differ from the features of x.
    bias: [1, heads, time, time]. mask: [batch, time], true where a token is real: no other is attended to.
    """

    heads: int
    head: int

    @nn.compact
    def __call__(self, x: jax.Array, bias: jax.Array, mask: jax.Array) -> jax.Array:
        assert_shapes(
            x=(x, "batch time features"),
            bias=(bias, f"1 {self.heads} time time"),
            mask=(mask, "batch time"),
        )
        batch, time, features = x.shape
        width = self.heads * self.head
        # Queries start smaller by √head, in place of the division.
        spread = {"query": (features * self.head) ** -0.5, "key": features**-0.5, "value": features**-0.5}
        query, key, value = (
            by_rows(nn.Dense(width, use_bias=False, kernel_init=nn.initializers.normal(std), name=name), x).reshape(
                batch, time, self.heads, self.head
            )
            for name, std in spread.items()
        )
        y = jax.nn.dot_product_attention(query, key, value, bias, mask[:, None, None], scale=1.0)
        out = nn.Dense(features, use_bias=False, kernel_init=nn.initializers.normal(width**-0.5), name="out")
        return by_rows(out, y.reshape(batch, time, width))
