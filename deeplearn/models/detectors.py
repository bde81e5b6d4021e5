"""Autoencoders that detect anomalies by their reconstruction error (Hawkins et al. 2002)."""

from __future__ import annotations

import functools

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.autoencoder import Autoencoder
from deeplearn.models.population import Population
from deeplearn.nn.functional import flat


class Detectors(nn.Module):
    """An autoencoder for each problem, that is, for each choice of the normal classes, trained as one population.

    normal: [problems][classes], whether a class is normal. centre, spread: mean and standard deviation of the
    features of a table, [inputs] each; without them the inputs are pixels, and so are the outputs.
    """

    inputs: int
    hidden: tuple[int, ...]
    normal: tuple[tuple[bool, ...], ...]
    centre: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()

    def setup(self) -> None:
        self.autoencoders = Population(functools.partial(Autoencoder, self.inputs, self.hidden), len(self.normal))

    def prepare(self, x: jax.Array) -> jax.Array:
        """Pixels or standardised features: [B, ...] -> [B, inputs]."""
        x = flat(x)
        chex.assert_shape(x, (None, self.inputs))
        return (x - jnp.array(self.centre)) / jnp.array(self.spread) if self.centre else x

    def reconstruct(self, x: jax.Array) -> jax.Array:
        """[B, inputs] -> [problems, B, inputs]."""
        output = self.autoencoders(x)[1].astype(jnp.float32)
        return output if self.centre else jax.nn.sigmoid(output)

    def anomaly_scores(self, x: jax.Array) -> jax.Array:
        """Images or rows of a table [B, ...] -> squared errors [B, problems]."""
        x = self.prepare(x)
        return jnp.square(self.reconstruct(x) - x).sum(-1).T

    def is_normal(self, label: jax.Array) -> jax.Array:
        """[B] integers -> whether each is normal, [problems, B]."""
        return jnp.array(self.normal)[:, label]
