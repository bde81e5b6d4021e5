"""A classifier whose features are to be the same in two domains, and the classifier of domains that says if they are."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.cnn import conv_norm
from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.pooling import max_pool


class Features(nn.Module):
    """Images [B, H, W, C] -> features [B, hidden] ≥ 0: three 3×3 convolutions, two halvings, a dense layer.

    Batch norm after each. Where a side is too short to be halved it is not.
    """

    width: int = 16
    hidden: int = 64

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        for number, width in enumerate((self.width, self.width, 2 * self.width)):
            x = nn.relu(conv_norm(x, width, 3, train))
            if number != 1 and min(x.shape[1:3]) > 1:
                x = max_pool(x, 2)
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

    def __call__(self, image: jax.Array) -> jax.Array:
        return self.labels(self.features(image))

    def both(self, source: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Features of a batch of two domains, normalised by the statistics of both together: [n, d], [m, d]."""
        features = self.features(jnp.concatenate([source, target]), train=True)
        return features[: len(source)], features[len(source) :]

    def classify(self, features: jax.Array) -> jax.Array:
        """[B, d] -> logits [B, classes], with dropout."""
        return self.labels(self.drop(features, deterministic=False))

    def domain(self, features: jax.Array) -> jax.Array:
        """[B, d] -> [B], the logit that they are of the target."""
        return self.domains(features)[:, 0]

    def of_statistics(self, statistics: jax.Array, image: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Logits and features of images, every layer normalised by the mean and variance of the images `statistics`.

        AdaBN (Li et al. 2016, algorithm 1), with the target's as `statistics`: all of them in one pass, so that each
        layer's are those of what the layers before it have normalised.
        """
        unbound, variables = self.unbind()
        # From zero, one update leaves (1 − momentum) times the batch's own statistics.
        zero = jax.tree.map(jnp.zeros_like, variables["batch_stats"])
        _, updated = unbound.apply(
            {**variables, "batch_stats": zero},
            statistics,
            method=lambda model, x: model.features(x, train=True),
            mutable=["batch_stats"],
        )
        own = jax.tree.map(lambda x: x / (1 - BatchNorm.momentum), updated["batch_stats"])

        def logits(model: DomainAdaptation, x: jax.Array) -> tuple[jax.Array, jax.Array]:
            features = model.features(x)
            return model.labels(features), features

        return unbound.apply({**variables, "batch_stats": own}, image, method=logits)
