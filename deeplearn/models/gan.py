"""Generator and discriminator of points in the plane (Goodfellow et al. 2014)."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.mlp import MLP
from deeplearn.nn.checks import assert_shapes


class GAN(nn.Module):
    """Generator, noise [B, latents] -> points [B, 2]; discriminator, points -> logits [B, 1]."""

    generator: MLP
    discriminator: MLP
    latents: int
    scale: float  # of the data, so that the inputs of both networks are of order one

    def sample(self, count: int) -> jax.Array:
        """[count, 2], from noise."""
        noise = jax.random.normal(self.make_rng("noise"), (count, self.latents))
        return self.scale * self.generator(noise).astype(jnp.float32)

    def logits(self, points: jax.Array) -> jax.Array:
        """[batch, 2] -> [batch], above 0 for points that it believes to be data."""
        assert_shapes(points=(points, "batch 2"))
        return self.discriminator(points / self.scale).astype(jnp.float32).squeeze(-1)
