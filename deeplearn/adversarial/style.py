"""Generators that are told a style in every layer: their flags, the player, and the stage of its game."""

from __future__ import annotations

import dataclasses
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn import train as dl
from deeplearn.adversarial.config import GameConfig
from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.walk import spherical_walk
from deeplearn.data import Dataset
from deeplearn.judge import need_judge
from deeplearn.losses.path_length import path_lengths
from deeplearn.models.dcgan import doublings
from deeplearn.models.stylegan import Mapping, layers, mixed
from deeplearn.nn.functional import as_function
from deeplearn.nn.moving_mean import MovingMean

W_DECAY = 0.995  # of the mean style, as in the released code
LENGTH_DECAY = 0.99  # of the mean path length


@dataclasses.dataclass(frozen=True)
class StyleConfig(GameConfig):
    """The flags that both versions have."""

    dataset: str = "glyphs"
    latents: int = dl.flag(64, "dimensions of z and w", min=1)
    mapping_layers: int = dl.flag(4, "layers from z to w", min=1)
    mapping_rate: float = dl.flag(0.1, "the mapping's rate, as a multiple of the generator's", min=1e-6)
    mixing: float = dl.flag(0.9, "fraction of images that are trained with two styles", min=0, max=1)
    width: int = dl.flag(8, "channels next to the image", min=1)
    widest: int = dl.flag(32, "most channels of a layer", min=1)
    noisy: int = dl.flag(0, "sizes of feature maps, from the image's down, that noise is added to (0: all)", min=0)
    minibatch_stddev: bool = True
    learning_rate: float = 6e-3
    schedule: str = "cosine"
    beta1: float = 0.0
    beta2: float = 0.99


class StyleGAN(nn.Module):
    """mapping: z -> w; synthesis: (styles, key of the noise) -> images, about −1 to 1; discriminator: of 0 to 1.

    mixing: the fraction of images in training whose layers from a random one on are told another style.
    """

    mapping: nn.Module
    synthesis: nn.Module
    discriminator: Discriminator
    side: int
    latents: int
    mixing: float

    def setup(self) -> None:
        self.mean_w = MovingMean(W_DECAY)
        self.mean_length = MovingMean(LENGTH_DECAY)

    def w(self, z: jax.Array, truncation: float | jax.Array = 1.0) -> jax.Array:
        """z [B, latents] -> w [B, latents], moved to ψ = truncation of its distance from the mean w."""
        w: jax.Array = self.mapping(z)  # type: ignore[operator]
        mean = self.mean_w(w, update=False).astype(w.dtype)
        return mean + truncation * (w - mean)

    def pictures(self, w: jax.Array, key: jax.Array | None = None) -> jax.Array:
        """w [B, latents], or a style for each layer [B, layers, latents] -> images [B, H, W, C] in [0, 1]."""
        styles = w if w.ndim == 3 else jnp.repeat(w[:, None], layers(self.side), axis=1)
        return jnp.clip(self.drawn(styles, self.make_rng("noise") if key is None else key), 0, 1)

    def drawn(self, styles: jax.Array, key: jax.Array) -> jax.Array:
        """Images whose pixels may leave [0, 1]: clipped, they would have no gradient there."""
        image: jax.Array = self.synthesis(styles, key)  # type: ignore[operator]
        return (image.astype(jnp.float32) + 1) / 2

    def sample(self, count: int, truncation: float = 1.0) -> jax.Array:
        """[count, H, W, C] in [0, 1]."""
        return self.pictures(self.w(self.noise(count), truncation))

    def walk(self, stops: int, between: int, truncation: float = 1.0) -> jax.Array:
        """Images on the way between random z, see `spherical_walk`, all with the same noise."""
        w = self.w(spherical_walk(self.noise(stops), between), truncation)
        styles = jnp.repeat(w[:, None], layers(self.side), axis=1)
        synthesis, key = as_function(self.synthesis), self.make_rng("noise")
        image = jax.vmap(lambda one: synthesis(one[None], key)[0])(styles)
        return jnp.clip((image.astype(jnp.float32) + 1) / 2, 0, 1)

    def noise(self, count: int) -> jax.Array:
        return jax.random.normal(self.make_rng("noise"), (count, self.latents))

    def styles(self, count: int) -> jax.Array:
        """Styles [count, layers, latents] to train with, mixed; their mean is kept."""
        number = layers(self.side)
        both: jax.Array = self.mapping(self.noise(2 * count))  # type: ignore[operator]
        self.mean_w(both, update=True)
        first, second = jnp.split(jnp.repeat(both[:, None], number, axis=1), 2)
        whether, where = jax.random.split(self.make_rng("noise"))
        crossover = jax.random.randint(where, (count,), 1, number)
        mixes = jax.random.bernoulli(whether, self.mixing, (count,))
        return mixed(first, second, jnp.where(mixes, crossover, number))

    def real(self, batch: dl.Batch) -> jax.Array:
        return batch["image"]

    def fake(self, batch: dl.Batch, train: bool = False) -> jax.Array:
        count = len(batch["image"])
        return self.drawn(self.styles(count), self.make_rng("noise")) if train else self.sample(count)


def path_length(model: StyleGAN, batch: dl.Batch, weight: float) -> dl.Losses:
    """E (‖Jᵀy‖ − a)² of half a batch, a the lengths' moving mean (Karras et al. 2020, equation 4)."""
    styles = model.styles(max(1, len(batch["image"]) // 2))
    noise, direction = jax.random.split(model.make_rng("noise"))
    synthesis = as_function(model.synthesis)
    lengths = path_lengths(lambda styles: synthesis(styles, noise), styles, direction)
    usual = model.mean_length(lengths, update=True)
    loss = jnp.square(lengths - usual).mean()
    return weight * loss, {"length": lengths.mean(), "penalty": loss}


def style_stage(config: StyleConfig, path_weight: float = 0.0, path_every: int = 1) -> dl.Stage:
    """The game's stage; where it has a weight with the path length's turn, which counts for as many as it skips."""
    ours = ("mapping", "synthesis")
    stage = config.stage(generator=ours)
    if not path_weight:
        return stage
    turn = dl.Turn(partial(path_length, weight=path_weight * path_every), trains=ours, every=path_every)
    lazy = path_every if path_every > 1 else 0
    chain = config.chain(config.learning_rate, config.steps + config.steps // path_every, lazy)
    assert isinstance(stage.optimizers, dict)
    chains = stage.optimizers | dict.fromkeys(ours, chain)
    return dataclasses.replace(stage, turns=[*stage.turns, turn], optimizers=chains)


def style_model(
    config: StyleConfig, dataset: Dataset, synthesis: type[nn.Module], discriminator: nn.Module
) -> StyleGAN:
    """The player for images of a data set; UserError where they cannot be made or judged."""
    need_judge(dataset)
    dataset.need_square_images("this network makes squares")
    side, _, channels = dataset.image_shape
    doublings(side)
    return StyleGAN(
        Mapping(config.latents, config.mapping_layers, config.mapping_rate),
        synthesis(side, channels, config.width, config.widest, config.noisy),  # type: ignore[call-arg]
        config.discriminator(discriminator),
        side,
        config.latents,
        config.mixing,
    )
