"""A classifier with features that should be the same in two domains, and a classifier of domains that tells."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.cnn import conv_norm
from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.pooling import max_pool


class Features(nn.Module):
    """Images [B, H, W, C] -> features [B, hidden] ≥ 0: two 3×3 convolutions and halvings, and a dense layer.

    Batch norm after each. A side of one pixel is not halved.
    """

    width: int = 16
    hidden: int = 64

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        for width in (self.width, 2 * self.width):
            x = nn.relu(conv_norm(x, width, 3, train))
            x = max_pool(x, 2) if min(x.shape[1:3]) > 1 else x
        x = nn.Dense(self.hidden, use_bias=False)(x.reshape(len(x), -1))
        return nn.relu(BatchNorm()(x, train))


class DomainAdaptation(nn.Module):
    """Images [B, H, W, C] -> logits [B, classes] (Ganin et al. 2016, figure 1).

    `features`, `labels` (dropout and a dense layer) and `domains` (a hidden layer; its logit is that of the target)
    are the networks that turns train.
    """

    classes: int
    width: int = 16
    hidden: int = 64
    dropout: float = 0.5

    def setup(self) -> None:
        self.features = Features(self.width, self.hidden)
        self.drop, self.labels = nn.Dropout(self.dropout), nn.Dense(self.classes)
        self.domains = nn.Sequential([nn.Dense(self.hidden), nn.relu, nn.Dense(1)])

    def __call__(self, image: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Logits [B, classes] and features [B, hidden], by the moving averages of the statistics."""
        features = self.features(image)
        return self.labels(features), features

    def classify(self, features: jax.Array) -> jax.Array:
        """[B, hidden] -> logits [B, classes], with dropout."""
        return self.labels(self.drop(features, deterministic=False))

    def domain(self, features: jax.Array) -> jax.Array:
        """[B, hidden] -> [B], the logit that they are of the target."""
        return self.domains(features)[:, 0]


def with_statistics(model: DomainAdaptation, of: jax.Array, image: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What `model` makes of images where every layer is normalised by the mean and variance of the images `of`.

    AdaBN with the target's (Li et al. 2016, algorithm 1): all of them go through in one pass, so that each layer's
    statistics are of what the layers before it have normalised.
    """
    unbound, variables = model.unbind()

    def update(model: DomainAdaptation, image: jax.Array) -> Any:
        return model.features(image, train=True)

    # From zero, one update leaves (1 − momentum) times the batch's own statistics.
    zero = jax.tree.map(jnp.zeros_like, variables["batch_stats"])
    _, updated = unbound.apply({**variables, "batch_stats": zero}, of, method=update, mutable=["batch_stats"])
    own = jax.tree.map(lambda x: x / (1 - BatchNorm.momentum), updated["batch_stats"])
    found: Any = unbound.apply({**variables, "batch_stats": own}, image)
    return found
