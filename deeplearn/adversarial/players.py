"""Generators with their discriminator, as the turns of `deeplearn.adversarial.turns` want them."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn import train as dl
from deeplearn.adversarial.discriminator import Discriminator, packed
from deeplearn.adversarial.walk import spherical_walk
from deeplearn.losses.elbo import gaussian_kl, sample_gaussian
from deeplearn.models.conditional import Condition
from deeplearn.nn.checks import assert_shapes


class PointGAN(nn.Module):
    """prior: count -> noise; generator: (noise, train) -> points [B, 2]; discriminator: points -> logits."""

    prior: nn.Module
    generator: nn.Module
    discriminator: Discriminator
    scale: float  # of the data, so that the inputs of both networks are of order one

    def sample(self, count: int) -> jax.Array:
        """[count, 2], from noise, in the units of the data."""
        return self.scale * self.made(count)

    def made(self, count: int, train: bool = False) -> jax.Array:
        points: jax.Array = self.generator(self.prior(count), train)  # type: ignore[operator]
        return points.astype(jnp.float32)

    def real(self, batch: dl.Batch) -> jax.Array:
        assert_shapes(point=(batch["point"], "batch 2"))
        return batch["point"] / self.scale

    def fake(self, batch: dl.Batch, train: bool = False) -> jax.Array:
        return self.made(len(batch["point"]), train)


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
        return self.made(self.noise(len(asked)), asked, train)

    def noise(self, count: int) -> jax.Array:
        return jax.random.normal(self.make_rng("noise"), (count, self.latents))

    def made(self, noise: jax.Array, asked: jax.Array, train: bool = False) -> jax.Array:
        told = jnp.concatenate([noise, self.condition(asked)], axis=-1)
        image: jax.Array = self.generator(told, train)  # type: ignore[operator]
        return image.astype(jnp.float32)

    def walk(self, asked: jax.Array, stops: int, between: int) -> jax.Array:
        """Images of what is asked for, int32 [columns], on the way between random noise vectors."""
        noise = spherical_walk(self.noise(stops), between)
        return self.made(noise, jnp.tile(asked, (len(noise), 1)))

    def asked(self, batch: dl.Batch) -> jax.Array:
        return jnp.stack([batch[column] for column in self.columns], axis=-1)

    def real(self, batch: dl.Batch) -> tuple[jax.Array, jax.Array]:
        return batch["image"], self.asked(batch)

    def fake(self, batch: dl.Batch, train: bool = False) -> tuple[jax.Array, jax.Array]:
        asked = self.asked(batch)
        return self.sample(asked, train), asked


class VAEGAN(nn.Module):
    """encoder: images -> mean and log-variance side by side; generator: (codes, train) -> images in [0, 1].

    discriminator: images -> (logits, features); the VAE has none.
    """

    encoder: nn.Module
    generator: nn.Module
    latents: int
    discriminator: Discriminator | None = None

    def encode(self, image: jax.Array) -> tuple[jax.Array, jax.Array]:
        outputs: jax.Array = self.encoder(2 * image - 1)  # type: ignore[operator]
        mean, log_variance = jnp.split(outputs.astype(jnp.float32), 2, axis=-1)
        return mean, log_variance

    def made(self, code: jax.Array, train: bool = False) -> jax.Array:
        image: jax.Array = self.generator(code, train)  # type: ignore[operator]
        return image.astype(jnp.float32)

    def again(self, image: jax.Array) -> jax.Array:
        """The reconstructions at the means of q(z|x)."""
        return self.made(self.encode(image)[0])

    def prior(self, count: int) -> jax.Array:
        return jax.random.normal(self.make_rng("noise"), (count, self.latents))

    def sample(self, count: int) -> jax.Array:
        return self.made(self.prior(count))

    def walk(self, stops: int, between: int) -> jax.Array:
        return self.made(spherical_walk(self.prior(stops), between))

    def real(self, batch: dl.Batch) -> jax.Array:
        return batch["image"]

    def fake(self, batch: dl.Batch, train: bool = False) -> jax.Array:
        """Reconstructions of half of the batch, rounded up, and as many samples as are missing."""
        half = (len(batch["image"]) + 1) // 2
        code = sample_gaussian(self.make_rng("noise"), *self.encode(batch["image"][:half]))
        return self.made(jnp.concatenate([code, self.prior(len(batch["image"]) - half)]), train)

    def reconstructed(self, image: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Images from draws of q(z|x), and its KL to the prior."""
        mean, log_variance = self.encode(image)
        again = self.made(sample_gaussian(self.make_rng("noise"), mean, log_variance), train=True)
        return again, gaussian_kl(mean, log_variance).mean()

    def feature_error(self, image: jax.Array, again: jax.Array) -> jax.Array:
        """−log N(f(x); f(x̃), 1) without its constant, mean over examples; of images that are not augmented."""
        assert self.discriminator is not None
        f = [self.discriminator.judge(packed(x, self.discriminator.packing), train=True)[1] for x in (image, again)]
        return 0.5 * jnp.square((f[0] - f[1]).astype(jnp.float32)).sum(-1).mean()
