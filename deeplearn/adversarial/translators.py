"""Networks that translate pictures, with discriminators, as the turns of `deeplearn.adversarial.turns` want."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn import train as dl
from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.pool import exchanged


class PictureTranslator(nn.Module):
    """generator: images [B, H, W, C] in [0, 1] -> images in [0, 1]."""

    generator: nn.Module

    def translate(self, image: jax.Array) -> jax.Array:
        made: Any = self.generator(image)  # type: ignore[operator]
        return made.astype(jnp.float32)


class ConditionalTranslator(PictureTranslator):
    """With a discriminator of a source and a target, the channels of one after those of the other.

    As one image, so that whatever changes an image (augmentation, packs) changes both alike.
    """

    discriminator: Discriminator

    def real(self, batch: dl.Batch) -> jax.Array:
        return jnp.concatenate([batch["source"], batch["target"]], -1)

    def fake(self, batch: dl.Batch, train: bool = False) -> jax.Array:
        return jnp.concatenate([batch["source"], self.translate(batch["source"])], -1)


class CycleGAN(nn.Module):
    """Two generators, from source to target and back, and a discriminator for each side.

    shape: [H, W, C] of the images of both sides. pool: images that each discriminator's history holds.
    """

    to_target: nn.Module
    to_source: nn.Module
    target_discriminator: Discriminator
    source_discriminator: Discriminator
    shape: tuple[int, int, int]
    pool: int = 50

    def setup(self) -> None:
        self.pools = {
            side: self.variable("pool", side, jnp.zeros, (self.pool, *self.shape)) for side in ("target", "source")
        }
        self.counts = {
            side: self.variable("pool", f"{side}_count", jnp.zeros, (), jnp.int32) for side in ("target", "source")
        }

    def translate(self, image: jax.Array) -> jax.Array:
        made: Any = self.to_target(image)  # type: ignore[operator]
        return made.astype(jnp.float32)

    def back(self, image: jax.Array) -> jax.Array:
        made: Any = self.to_source(image)  # type: ignore[operator]
        return made.astype(jnp.float32)

    def games(self) -> dict[str, CycleGame]:
        """The game on each side."""
        return {side: CycleGame(self, side) for side in ("target", "source")}

    def exchange(self, side: str, images: jax.Array) -> jax.Array:
        """What the discriminator of that side is shown, after these images have come to its pool."""
        pool, count = self.pools[side], self.counts[side]
        if self.is_initializing():
            return images
        key = self.make_rng("noise")
        pool.value, count.value, shown = exchanged(pool.value, count.value, jax.lax.stop_gradient(images), key)
        return shown


class CycleGame:
    """One of the two games of a bound CycleGAN: what `turns.discriminate` asks of a model."""

    def __init__(self, gan: CycleGAN, side: str) -> None:
        self.gan, self.side = gan, side
        self.make_rng = gan.make_rng
        self.discriminator = gan.target_discriminator if side == "target" else gan.source_discriminator

    def real(self, batch: dl.Batch) -> jax.Array:
        image: jax.Array = batch[self.side]["image"]
        return image

    def fake(self, batch: dl.Batch, train: bool = False) -> jax.Array:
        """From the pool, where generated images of this and of earlier steps are."""
        if self.side == "target":
            return self.gan.exchange("target", self.gan.translate(batch["source"]["image"]))
        return self.gan.exchange("source", self.gan.back(batch["target"]["image"]))
