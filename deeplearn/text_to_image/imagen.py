"""Imagen as a system: its flags, its networks, the stages in which they train, and the pictures that it makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.losses.diffusion import diffusion_loss
from deeplearn.models.denoiser import GROUPS
from deeplearn.models.diffusion import Arrays, Diffusion
from deeplearn.models.imagen import Imagen, add_noise, enlarge, estimate
from deeplearn.models.samplers import SAMPLERS, sample
from deeplearn.models.text_reader import TextReader
from deeplearn.models.text_unet import Level, TextUNet
from deeplearn.nn.functional import area_means
from deeplearn.nn.noise import noise_ratio, sampling_ratios
from deeplearn.text_to_image.captions import drop_words, need_captions, texts_of, tokens_of
from deeplearn.text_to_image.frozen_text import FrozenText
from deeplearn.text_to_image.quality import asked_rows, picture_quality

BLOCK = 100  # pictures made at once
WORDS = 0.5  # each word's chance to be left out of a caption that loses words


@dataclasses.dataclass(frozen=True)
class ImagenConfig(dl.Config):
    dataset: str = "openmoji/people-64"
    sides: tuple[int, ...] = dl.flag((16, 32, 64), "pixels of a side of each stage's pictures", min=2)
    steps: int = dl.flag(4000, "steps of the base", min=1)
    upsampler_steps: int = dl.flag(1500, "steps of each super-resolution", min=1)
    batch_size: int = 32
    upsampler_batch: int = dl.flag(16, "examples in a batch of super-resolution", min=1)
    widths: tuple[int, ...] = dl.flag((64, 128), "channels of each resolution of the base's U-Net", min=GROUPS)
    upsampler_widths: tuple[int, ...] = dl.flag((48, 96), "the same of each super-resolution", min=GROUPS)
    places: tuple[int, ...] = dl.flag((8, 16, 16), "places of a side that a U-Net has at first, by stage", min=1)
    text_width: int = dl.flag(128, "features of a word", min=8)
    text_weights: str = dl.flag("", "folder of a frozen text encoder: Hugging Face's, or a run of ours")
    drop_text: float = dl.flag(0.1, "fraction of captions left out in training, for guidance", min=0, max=1)
    drop_words: float = dl.flag(0.25, "fraction of captions that lose words, about half of them", min=0, max=1)
    noise_scale: float = dl.flag(2.0, "factor of all noise levels (log-normal)", min=0)
    noised: float = dl.flag(0.5, "how far a smaller picture is noised in training, as t of cosine levels", max=1)
    noised_when_drawn: float = dl.flag(0.1, "the same when pictures are made", min=0, max=1)
    sampler: str = dl.flag("ddim", "the way from noise to a picture", choices=tuple(SAMPLERS))
    sampling_steps: int = dl.flag(24, "levels that the base's sampler visits", min=2)
    upsampler_sampling_steps: int = dl.flag(10, "the same of each super-resolution", min=2)
    guidance: float = dl.flag(1.0, "how far pictures are pushed towards the text (0: not at all)", min=0)
    percentile: float = dl.flag(0.995, "of dynamic thresholding (0: plain clipping)", min=0, max=1)
    learning_rate: float = dl.flag(2e-3, "Adam's rate after 200 steps of warm-up; falls to 0 along a cosine", min=0)
    ema: float = dl.flag(0.998, "decay of the moving average of the weights", min=0, max=1)

    @property
    def names(self) -> list[str]:
        """Of the stages."""
        return ["base", *(f"super_resolution_{side}" for side in self.sides[1:])]


def captioned(batch: Mapping[str, Any]) -> tuple[Any, Any]:
    """The text of each row and its length: a frozen encoder's states where the batch has them, or else tokens."""
    return (batch["states"], batch["states_length"]) if "states" in batch else (batch["tokens"], batch["length"])


def asked_in_training(model: Imagen, batch: dl.Batch, config: ImagenConfig) -> Arrays:
    """What the denoisers are told of each picture: some captions are left out, some lose words."""
    text, length = captioned(batch)
    if config.drop_words and "states" not in batch:
        some = jax.random.bernoulli(model.make_rng("noise"), config.drop_words, (len(text), 1))
        text, length = drop_words(text, length, model.make_rng("noise"), WORDS * some)
    none = jax.random.bernoulli(model.make_rng("noise"), config.drop_text, length.shape)
    return model.reader(text, jnp.where(none, 0, length))


def denoise(model: Imagen, batch: dl.Batch, config: ImagenConfig, number: int) -> dl.Losses:
    """The denoising loss of one stage; above the base beside a smaller picture that is noised."""
    diffusion, side = model.stage(number), config.sides[number]
    condition = asked_in_training(model, batch, config)
    if number:
        small = area_means(batch["image"], config.sides[number - 1])
        t = config.noised * jax.random.uniform(model.make_rng("noise"), (len(small),))
        ratio = noise_ratio("cosine", t)
        smaller = add_noise(diffusion.normalise(enlarge(small, side)), ratio, model.make_rng("noise"))
        condition = (*condition, smaller, ratio)
    return diffusion_loss(diffusion, area_means(batch["image"], side), *condition), {}


def read(model: Imagen, text: jax.Array, length: jax.Array) -> tuple[Arrays, Arrays]:
    """What the denoisers are told of texts, and of no text."""
    return model.reader(text, length), model.reader(text, jnp.zeros_like(length))


def drawn(
    trained: dl.Trained,
    config: ImagenConfig,
    channels: int,
    number: int,
    text: np.ndarray,
    length: np.ndarray,
    small: np.ndarray | None = None,
) -> np.ndarray:
    """Pictures of one stage in [0, 1] for texts [N, ...], of smaller pictures `small` above the base."""
    side, diffusion = config.sides[number], trained.model.stage(number)
    block, made = min(BLOCK, len(length)), []
    steps = config.upsampler_sampling_steps if number else config.sampling_steps
    ratios = sampling_ratios("lognormal", steps, diffusion.noise_scale)
    percentile = jnp.float32(config.percentile)
    for start in range(0, len(length), block):
        rows = np.arange(start, start + block) % len(length)
        own = trained.folded(number).folded(start)
        condition, free = own(read, text[rows], length[rows])
        if small is not None:
            t = jnp.full(block, config.noised_when_drawn)
            ratio = noise_ratio("cosine", t)
            smaller = add_noise(diffusion.normalise(enlarge(small[rows], side)), ratio, own.folded(1).key)
            condition, free = (*condition, smaller, ratio), (*free, smaller, ratio)

        def denoiser(
            x: jax.Array, ratio: jax.Array, own: dl.Trained = own, arrays: Any = (condition, free, percentile)
        ) -> tuple[jax.Array, jax.Array]:
            estimated: tuple[jax.Array, jax.Array] = own(
                estimate, x, ratio, *arrays, number=number, guidance=0.0 if number else config.guidance
            )
            return estimated

        shape = (block, side, side, channels)
        x = sample(SAMPLERS[config.sampler], denoiser, own.key, shape, ratios)
        made.append(np.clip(np.asarray(diffusion.restore(x)), 0, 1))
    return np.concatenate(made)[: len(length)]


def pictures(
    trained: dl.Trained, config: ImagenConfig, dataset: Dataset, text: np.ndarray, length: np.ndarray
) -> list[np.ndarray]:
    """Pictures [N, side, side, C] in [0, 1] of every stage, the smallest first, for texts as `captioned` has them."""
    made: list[np.ndarray] = []
    for number in range(len(config.sides)):
        small = made[-1] if made else None
        made.append(drawn(trained, config, dataset.image_shape[2], number, text, length, small))
    return made


def texts_for(config: ImagenConfig, dataset: Dataset, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Texts and lengths as the system reads them. UserError for a text without words, or that is too long."""
    if config.text_weights:
        return FrozenText(config.text_weights, dataset).read(texts)
    return tokens_of(texts, dataset)


def need_sides(config: ImagenConfig, dataset: Dataset) -> None:
    """UserError unless the data have captioned pictures from which every stage's can be made."""
    need_captions(dataset)
    dataset.need_square_images("pictures of several sizes are made of each")
    largest, sides = dataset.image_shape[0], config.sides
    if any(b % a or b <= a for a, b in zip(sides, (*sides[1:], 0), strict=True) if b) or largest % sides[-1]:
        raise UserError(
            f"--sides={','.join(map(str, sides))} should rise, each a multiple of the one before and the last a "
            f"divisor of {largest}, the side of the pictures of --dataset={config.dataset}"
        )
    if len(config.places) < len(sides):
        raise UserError(f"--places should have a number for each of {len(sides)} stages")
    for side, places in zip(sides, config.places, strict=False):
        if side % places:
            raise UserError(f"--places: {side} pixels cannot be cut into {places} places")
    for width in (*config.widths, *config.upsampler_widths):
        if width % GROUPS:
            raise UserError(f"a width of {width} should be a multiple of {GROUPS}, the groups of group norm")
    for widths, places in zip((config.widths, *[config.upsampler_widths] * 9), config.places, strict=False):
        if places % 2 ** (len(widths) - 1):
            raise UserError(f"{places} places of a side cannot be halved {len(widths) - 1} times: fewer widths")
    if config.text_weights and config.drop_words:
        raise UserError("a frozen encoder has read whole captions: with --text_weights give --drop_words=0")


def network(widths: Sequence[int], patch: int) -> TextUNet:
    """A U-Net whose smallest pictures look at themselves and at the text."""
    last = Level(widths[-1], to_itself=True, to_text=True)
    return TextUNet((*map(Level, widths[:-1]), last), patch)


def imagen(config: ImagenConfig, dataset: Dataset) -> Imagen:
    """The networks for the data set's pictures."""
    mean, std = dataset.moments("image")
    stages = [
        Diffusion(
            network(config.upsampler_widths if number else config.widths, side // places),
            mean,
            std,
            noise_scale=config.noise_scale,
        )
        for number, (side, places) in enumerate(zip(config.sides, config.places, strict=False))
    ]
    assert dataset.vocabulary is not None
    return Imagen(TextReader(len(dataset.vocabulary), config.text_width), stages[0], tuple(stages[1:]))


def stages(config: ImagenConfig, dataset: Dataset) -> list[dl.Stage]:
    """The base with the reader of texts, then each super-resolution, the reader frozen."""
    data = FrozenText(config.text_weights, dataset).beside(dataset.train) if config.text_weights else None

    def stage(number: int, name: str) -> dl.Stage:
        steps = config.upsampler_steps if number else config.steps
        rate = optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, min(200, steps // 10), steps)
        adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))
        trains = (f"upsamplers_{number - 1}",) if number else ("reader", "base")
        turn = dl.Turn(partial(denoise, config=config, number=number), trains, called=name)
        batch = config.upsampler_batch if number else config.batch_size
        return dl.Stage([turn], adam, steps, name, config.ema, data, batch)

    return [stage(number, name) for number, name in enumerate(config.names)]


def evaluate(trained: dl.Trained, dataset: Dataset, config: ImagenConfig) -> dl.Rows:
    """`picture_quality` of the largest pictures made from the captions of `asked_rows`; of smaller ones as rows."""
    asked = asked_rows(dataset)
    made = pictures(trained, config, dataset, *texts_for(config, dataset, texts_of(asked, dataset)))
    rows = {}
    for name, images in zip(config.names, made, strict=True):
        measured = dl.Measured(picture_quality(images, dataset, asked), {"image": images})
        rows[dl.OURS if images is made[-1] else f"{name}, {images.shape[1]} pixels"] = measured
    return rows


def system(config: ImagenConfig, dataset: Dataset) -> dl.Rival:
    """The whole pipeline, as an experiment's own system or one of several."""
    need_sides(config, dataset)
    return dl.Rival(imagen(config, dataset), stages(config, dataset), partial(evaluate, config=config), row="Imagen")
