"""The discriminator, or critic, of any game: a network and the switches that change what it sees."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.data.augmentation import augment
from deeplearn.errors import UserError
from deeplearn.nn.batch_norm import mapped
from deeplearn.nn.spectral_norm import SpectralNorm

COLLECTIONS = ("augmentation", "instance_noise", "spectral")  # of a discriminator's own state
ADAPTED = 0.01  # how much the probability of augmentation moves in a turn


def packed(x: jax.Array, size: int) -> jax.Array:
    """[batch, ..., features] -> [batch / size, ..., size · features]: `size` examples side by side."""
    if size == 1:
        return x
    if len(x) % size:
        raise UserError(f"packs of {size} examples cannot be made of {len(x)}: choose another --packing")
    parts = x.reshape(size, -1, *x.shape[1:])
    return jnp.concatenate(list(parts), axis=-1)


class Discriminator(nn.Module):
    """x [batch, ...] -> what `network(x, *conditions, train=train)` gives, of augmented packs.

    packing: examples of one distribution that are judged together (PacGAN, Lin et al. 2018).
    spectral_norm: each kernel is divided by its largest singular value (Miyato et al. 2018).
    augmentation: of real and generated images alike while it trains, by the names of `deeplearn.data.augmentation`;
        differentiable, so the generator learns through it (Zhao et al. 2020).
    target: of adaptive augmentation (Karras et al. 2020, section 3.1). Each augmentation is applied to an image
        with a probability that grows while E sign D(x) on real images is above the target: the discriminator then
        overfits. 0: with probability 1.
    noise: the standard deviation of Gaussian noise on real and generated examples alike while it trains (Sønderby
        et al. 2017; Arjovsky & Bottou 2017). It falls to a hundredth in `noise_turns` of its turns, geometrically.
    parts: into which each of its batches is cut (`--accumulate`); `adapt` is called for each.
    """

    network: nn.Module
    packing: int = 1
    spectral_norm: bool = False
    augmentation: str = ""
    target: float = 0.0
    noise: float = 0.0
    noise_turns: int = 1
    parts: int = 1

    def setup(self) -> None:
        self.judging = SpectralNorm(self.network) if self.spectral_norm else self.network
        if self.target:
            self.probability = self.variable("augmentation", "probability", jnp.zeros, ())
        if self.noise:
            self.level = self.variable("instance_noise", "level", jnp.full, (), self.noise)

    def __call__(self, x: jax.Array, *conditions: jax.Array, train: bool = False) -> Any:
        return self.judge(packed(self.seen(x) if train else x, self.packing), *conditions, train=train)

    def seen(self, x: jax.Array) -> jax.Array:
        """Examples as it sees them while it trains: augmented, and with noise."""
        x = self.augmented(x) if self.augmentation else x
        if not self.noise:
            return x
        return x + self.level.value * jax.random.normal(self.make_rng("noise"), x.shape)

    def judge(self, packs: jax.Array, *conditions: jax.Array, train: bool = False) -> Any:
        """The same of packs that are made already, not augmented: of these a penalty takes gradients."""
        return self.judging(packs, *conditions, train=train)

    def augmented(self, images: jax.Array) -> jax.Array:
        key = self.make_rng("noise")
        if not self.target:
            return augment(self.augmentation, key, images)
        for number, name in enumerate(self.augmentation.split(",")):
            how, whether = jax.random.split(jax.random.fold_in(key, number))
            chosen = jax.random.bernoulli(whether, self.probability.value, (len(images), 1, 1, 1))
            images = jnp.where(chosen, augment(name, how, images), images)
        return images

    def adapt(self, real_logits: jax.Array) -> None:
        """After the logits of real examples in a turn: the probability of augmentation, and the level of noise."""
        if self.target:
            overfits = jnp.sign(real_logits).mean()
            overfits = jax.lax.pmean(overfits, "data") if mapped("data") else overfits
            moved = self.probability.value + ADAPTED / self.parts * jnp.sign(overfits - self.target)
            self.probability.value = jnp.clip(jax.lax.stop_gradient(moved), 0, 1)
        if self.noise:
            self.level.value = jnp.maximum(
                self.level.value * 0.01 ** (1 / self.noise_turns / self.parts), self.noise / 100
            )
