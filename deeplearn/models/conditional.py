"""Discriminators that are told what was asked for, and those that say what they see."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_integers, assert_shapes


class Condition(nn.Module):
    """Numbers int32 [batch, columns] -> [batch, features]: the sum of a vector for each column's number.

    sizes: how many numbers each column has. A label is one column; of a picture with several properties each is
    one, so that a combination that was never shown is the sum of parts that were.
    """

    sizes: tuple[int, ...]
    features: int

    @nn.compact
    def __call__(self, numbers: jax.Array) -> jax.Array:
        assert_shapes(numbers=(numbers, f"batch {len(self.sizes)}"))
        assert_integers(numbers=numbers)
        start = nn.initializers.normal(1.0)
        tables = [nn.Embed(size, self.features, embedding_init=start) for size in self.sizes]
        return sum(table(numbers[:, column]) for column, table in enumerate(tables)) / len(tables) ** 0.5


class ConditionalCritic(nn.Module):
    """x [batch, ...], asked int32 [batch, columns] -> logits [batch].

    trunk: (x, train=train) -> features [batch, F]. With `projection` the logit is w·h + e(asked)·h, h the features
    (Miyato & Koyama 2018, equation 5); else it is of two dense layers on h and e(asked) side by side (in the manner
    of Mirza & Osindero 2014).
    """

    trunk: nn.Module
    sizes: tuple[int, ...]
    projection: bool = True
    hidden: int = 128

    @nn.compact
    def __call__(self, x: jax.Array, asked: jax.Array, train: bool = False) -> jax.Array:
        features: jax.Array = self.trunk(x, train=train)  # type: ignore[operator]
        if self.projection:
            told = Condition(self.sizes, features.shape[-1])(asked)
            # Of the size of the plain score at the start.
            product = (told * features).sum(-1) / features.shape[-1] ** 0.5
            return nn.Dense(1)(features).squeeze(-1) + product
        told = Condition(self.sizes, self.hidden)(asked)
        both = jnp.concatenate([features, told], axis=-1)
        return nn.Dense(1)(nn.leaky_relu(nn.Dense(self.hidden)(both), 0.2)).squeeze(-1)


class InfoCritic(nn.Module):
    """x [batch, ...] -> (logits [batch], guesses [batch, guesses]): two heads on one trunk (Chen et al. 2016)."""

    trunk: nn.Module
    guesses: int
    hidden: int = 128

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> tuple[jax.Array, jax.Array]:
        features: jax.Array = self.trunk(x, train=train)  # type: ignore[operator]
        hidden = nn.leaky_relu(nn.Dense(self.hidden, name="guess_hidden")(features), 0.1)
        logits = nn.Dense(1, name="score")(features).squeeze(-1)
        return logits, nn.Dense(self.guesses, name="guess")(hidden)


class FeatureCritic(nn.Module):
    """x [batch, ...] -> (logits [batch], features [batch, F]), the features being what `trunk` hands to `head`."""

    trunk: nn.Module
    head: nn.Module

    def __call__(self, x: jax.Array, train: bool = False) -> tuple[jax.Array, jax.Array]:
        features: jax.Array = self.trunk(x, train=train)  # type: ignore[operator]
        logits: jax.Array = self.head(features, train=train)  # type: ignore[operator]
        return logits, features
