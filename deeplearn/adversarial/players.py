"""Generators with their discriminator, as the turns of `deeplearn.adversarial.turns` want them."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn import train as dl
from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.walk import spherical_walk
from deeplearn.models.conditional import Condition
from deeplearn.nn.checks import assert_shapes


class PointGAN(nn.Module):
    """Of points. generator: noise [B, latents] -> points [B, 2]; discriminator: points -> logits [B]."""

    generator: nn.Module
    discriminator: Discriminator
    latents: int
    scale: float  # of the data, so that the inputs of both networks are of order one

    def sample(self, count: int) -> jax.Array:
        """[count, 2], from noise, in the units of the data."""
        return self.scale * self.made(count)

    def made(self, count: int) -> jax.Array:
        noise = jax.random.normal(self.make_rng("noise"), (count, self.latents))
        points: jax.Array = self.generator(noise)  # type: ignore[operator]
        return points.astype(jnp.float32)

    def real(self, batch: dl.Batch) -> jax.Array:
        assert_shapes(point=(batch["point"], "batch 2"))
        return batch["point"] / self.scale

    def fake(self, batch: dl.Batch, train: bool = False) -> jax.Array:
        return self.made(len(batch["point"]))


class ImageGAN(nn.Module):
    """prior: count -> noise; generator: (noise, train) -> images in [0, 1]; discriminator: images -> logits."""

    prior: nn.Module
    generator: nn.Module
    discriminator: Discriminator

    def sample(self, count: int, train: bool = False) -> jax.Array:
        """[count, height, width, channels] in [0, 1]."""
        return self.made(self.prior(count), train)  # type: ignore[operator]

    def made(self, noise: jax.Array, train: bool = False) -> jax.Array:
        image: jax.Array = self.generator(noise, train)  # type: ignore[operator]
        return image.astype(jnp.float32)

    def walk(self, stops: int, between: int) -> jax.Array:
        """Images on the way between random noise vectors, see `spherical_walk`."""
        return self.made(spherical_walk(self.prior(stops), between))  # type: ignore[operator]

    def real(self, batch: dl.Batch) -> jax.Array:
        return batch["image"]

    def fake(self, batch: dl.Batch, train: bool = False) -> jax.Array:
        return self.sample(len(batch["image"]), train)


class ConditionalGAN(nn.Module):
    """generator: (noise beside what is asked for, train) -> images in [0, 1]; columns: what is asked."""

    condition: Condition
    generator: nn.Module
    discriminator: Discriminator
    latents: int
    columns: tuple[str, ...]

    def sample(self, asked: jax.Array, train: bool = False) -> jax.Array:
        """An image for each row of asked, int32 [batch, columns]."""
        noise = jax.random.normal(self.make_rng("noise"), (len(asked), self.latents))
        told = jnp.concatenate([noise, self.condition(asked)], axis=-1)
        image: jax.Array = self.generator(told, train)  # type: ignore[operator]
        return image.astype(jnp.float32)

    def asked(self, batch: dl.Batch) -> jax.Array:
        return jnp.stack([batch[column] for column in self.columns], axis=-1)

    def real(self, batch: dl.Batch) -> tuple[jax.Array, jax.Array]:
        return batch["image"], self.asked(batch)

    def fake(self, batch: dl.Batch, train: bool = False) -> tuple[jax.Array, jax.Array]:
        asked = self.asked(batch)
        return self.sample(asked, train), asked
