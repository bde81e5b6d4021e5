"""Noise for generators: Gaussian, or for data of many separate modes with one of several learned vectors beside.

A continuous map of one Gaussian that reaches two modes also reaches what lies between them; a generator of noise
from a mixture can use a component for each mode (Gurumurthy et al. 2017, "DeLiGAN", whose components add to the
Gaussian).
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

SIZE = 32  # of a component's vector


class GaussianPrior(nn.Module):
    """count -> noise [count, latents] ~ N(0, 1), drawn with the key "noise"."""

    latents: int

    def __call__(self, count: int) -> jax.Array:
        return jax.random.normal(self.make_rng("noise"), (count, self.latents))


class MixturePrior(nn.Module):
    """count -> noise [count, latents + 32], drawn with the key "noise"."""

    latents: int
    components: int

    @nn.compact
    def __call__(self, count: int) -> jax.Array:
        key_noise, key_component = jax.random.split(self.make_rng("noise"))
        noise = jax.random.normal(key_noise, (count, self.latents))
        component = jax.random.randint(key_component, (count,), 0, self.components)
        # As large as the Gaussian part: with Flax's own initialisation, 1/√SIZE, it would be negligible.
        vectors = nn.Embed(self.components, SIZE, embedding_init=nn.initializers.normal(1.0))
        return jnp.concatenate([noise, vectors(component)], axis=-1)
