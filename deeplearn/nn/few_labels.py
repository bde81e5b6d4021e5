"""A few labelled examples of each class, drawn with the run's seed and fixed from then on.

A stage's data is the same for all replicas, so the draw is part of the state: an order of the pool within each
class, in the Flax collection `drawn`. The first n of each class are the examples with n labels per class, so that
those with one label are among those with five. Systems that are trained side by side have the same draw.
"""

from __future__ import annotations

from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_integers, assert_shapes

LIMIT = 100  # labelled examples in one step


class FewLabels(nn.Module):
    """classes, each: how many classes the pool has and how many examples of each (`data.pool.few_label_pool`)."""

    classes: int
    each: int

    def setup(self) -> None:
        self.rank = self.variable("drawn", "rank", self._draw)

    def _draw(self) -> jax.Array:
        # The run's own key, not that of the module's path: the draw is the same anywhere in the tree.
        assert self.scope is not None
        key = self.scope.rngs["params"].rng
        places = jnp.broadcast_to(jnp.arange(self.each), (self.classes, self.each))
        return jax.random.permutation(key, places, axis=1, independent=True).reshape(-1)

    def seen(self, count: int) -> int:
        """How many labelled examples a step uses, over all parts of the pool."""
        return min(self.classes * min(count, self.each), LIMIT)

    def __call__(self, batch: Mapping[str, jax.Array], count: int) -> tuple[jax.Array, jax.Array, jax.Array]:
        """(image, label, weight) of the examples with `count` labels per class, at most 100 of them.

        batch: the whole pool, in any order, as image [N, ...], label [N] and row [N], the last two integers; the
        100 are those that come first. Of a part of the pool, such as one device has, it is that part of the 100.
        weight [n] is 1, or 0 for rows that only fill the shape.
        """
        assert_shapes(row=(batch["row"], "n"), image=(batch["image"], "n ..."), label=(batch["label"], "n"))
        assert_integers(row=batch["row"], label=batch["label"])
        mine = self.rank.value[jnp.asarray(batch["row"])] < count
        size = min(self.classes * count, LIMIT)
        if self.seen(count) < self.classes * min(count, self.each):
            size = max(1, size * len(batch["row"]) // (self.classes * self.each))
        (chosen,) = jnp.nonzero(mine, size=size, fill_value=0)
        weight = (jnp.arange(size) < mine.sum()).astype(jnp.float32)
        return jnp.asarray(batch["image"])[chosen], jnp.asarray(batch["label"])[chosen], weight
