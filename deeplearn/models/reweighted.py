"""A softmax regression and weights of its training examples, which are drawn anew for each replica."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.functional import flat

Variables = Mapping[str, Any]


class Reweighted(nn.Module):
    """Images [B, ...] -> logits [B, classes] by one linear layer.

    rows: training examples that have a weight each, `weight` [rows], 0 for those that are not in the sample. A
    stage's data is the same for all replicas, so a sample is part of the state, in the Flax collection `drawn`, as
    few labels are. What weighs it cannot be traced: so `draw`, a random seed, is made with the weights, and
    `with_weights` finds those of the draw before training. Systems trained side by side have the same draw.
    """

    classes: int
    rows: int

    def setup(self) -> None:
        self.logits = nn.Dense(self.classes)
        self.draw = self.variable("drawn", "draw", self._seed)
        self.weight = self.variable("drawn", "weight", jnp.zeros, (self.rows,))

    def _seed(self) -> jax.Array:
        # The run's own key, not that of the module's path: the draw is the same anywhere in the tree.
        assert self.scope is not None
        return jax.random.bits(self.scope.rngs["params"].rng, dtype=jnp.uint32)

    def __call__(self, image: jax.Array) -> jax.Array:
        assert_shapes(image=(image, "batch ..."))
        return self.logits(flat(image))

    def weights(self, row: jax.Array) -> jax.Array:
        """The weights of examples by their numbers, [B] -> [B]."""
        return self.weight.value[row]


def with_weights(weights: Callable[[int], np.ndarray], variables: Variables) -> dict[str, Any]:
    """The variables with the weights [rows] of their draw, weights(draw): the `start` of a stage."""
    drawn = variables["drawn"]
    return {**variables, "drawn": {**drawn, "weight": np.asarray(weights(int(drawn["draw"])), np.float32)}}
