"""Imagen as a system: its flags, its networks, the stages in which they train, and the pictures that it makes."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.data.streams import ENDLESS
from deeplearn.data.told_augmentation import changed, unchanged
from deeplearn.errors import UserError
from deeplearn.losses.diffusion import diffusion_loss
from deeplearn.models.diffusion import Arrays, Diffusion, strength
from deeplearn.models.imagen import Imagen, enlarge, estimate, seen_small
from deeplearn.models.imagen_sizes import imagen_base, imagen_upsampler
from deeplearn.models.samplers import SAMPLERS, sample
from deeplearn.models.super_resolution import details
from deeplearn.models.text_reader import TextReader
from deeplearn.models.text_unet import TextUNet
from deeplearn.nn.functional import area_means
from deeplearn.nn.noise import sampling_ratios
from deeplearn.text_to_image import completion
from deeplearn.text_to_image.captions import need_captions, texts_of
from deeplearn.text_to_image.cascade import Cascade, need_cascade
from deeplearn.text_to_image.frozen_text import FrozenText
from deeplearn.text_to_image.networks import unet, upsampler
from deeplearn.text_to_image.paraphrases import paraphrase_quality
from deeplearn.text_to_image.partial_captions import partial_quality
from deeplearn.text_to_image.quality import asked_rows, picture_quality
from deeplearn.text_to_image.watched import Watch, in_range, watching

BLOCK = 100  # pictures made at once


@dataclasses.dataclass(frozen=True)
class ImagenConfig(Cascade, dl.OptimizerConfig):
    dataset: str = "openmoji/people-64"
    steps: int = dl.flag(9000, "steps of the base", min=1)
    network: str = dl.flag("small", "the U-Nets: small ones, or Imagen's own", choices=("small", "published"))
    text_weights: str = dl.flag("", "folder of a frozen text encoder: Hugging Face's, or a run of ours")
    changed: float = dl.flag(0.25, "chance of a mirrored, of a moved picture in training (0: none)", min=0, max=1)
    drop_text: float = dl.flag(0.1, "fraction of captions left out in training, for guidance", min=0, max=1)
    percentile: float = dl.flag(0.0, "of dynamic thresholding, such as .995 (0: plain clipping)", min=0, max=1)
    clip: float = 1.0
    schedule: str = "warmup_cosine"

    # The paper's networks and budget, on the pictures of this data set and with a reader of texts that is trained
    # here: its own sizes are --sides=64,256,1024 --dataset=captions:DIR@1024 --text_weights=T5-XXL. Its batches of
    # 2048 are more than the default set has.
    PAPER = {
        "network": "published",
        "text_width": 4096,
        "text_features": 4096,
        "batch_size": 1024,
        "steps": 2_500_000,
        "upsampler_steps": 2_500_000,
        "learning_rate": 1e-4,
        "ema": 0.9999,
        "completer_steps": 0,
        "noised": 1.0,
        "changed": 0.0,
        "percentile": 0.995,
    }

    @property
    def names(self) -> list[str]:
        """Of the stages."""
        return ["base", *(f"super_resolution_{side}" for side in self.sides[1:])]


def captioned(batch: Mapping[str, Any]) -> tuple[Any, Any]:
    """The text of each row and its length: a frozen encoder's states where the batch has them, or else tokens."""
    return (batch["states"], batch["states_length"]) if "states" in batch else (batch["tokens"], batch["length"])


def asked_in_training(model: Imagen, batch: dl.Batch, config: ImagenConfig) -> Arrays:
    """What the denoisers are told of each picture: some captions are left out."""
    text, length = captioned(batch)
    none = jax.random.bernoulli(model.make_rng("noise"), config.drop_text, length.shape)
    return model.reader(text, jnp.where(none, 0, length))


def denoise(model: Imagen, batch: dl.Batch, config: ImagenConfig, number: int) -> dl.Losses:
    """The denoising loss of one stage; above the base of the details that a smaller picture, noised, lacks."""
    diffusion, side = model.stage(number), config.sides[number]
    whole, label = changed(model.make_rng("noise"), batch["image"], config.changed, move(batch["image"], config))
    vector, *words = asked_in_training(model, batch, config)
    condition: Arrays = (jnp.concatenate([vector, label], axis=1), *words)
    if number:
        small = area_means(whole, config.sides[number - 1])
        t = config.noised * jax.random.uniform(model.make_rng("noise"), (len(small),))
        condition += seen_small(small, side, t, model.make_rng("noise"))
    image = area_means(whole, side)
    drawn = details(image, config.sides[number - 1]) if number else image
    return diffusion_loss(diffusion, drawn, *condition), {}


def move(image: jax.Array, config: ImagenConfig) -> int:
    """Pixels by which pictures [B, H, W, C] move: a sixteenth of a side, in whole ones of the base, one or more."""
    side, base = min(image.shape[1:3]), config.sides[0]
    return side // base * max(1, base // 16)


def read(model: Imagen, text: jax.Array, length: jax.Array) -> tuple[Arrays, Arrays]:
    """What the denoisers are told of texts, and of no text: pictures as they are, not changed."""
    vector, sequence, mask = model.reader(text, length)
    free = (unchanged(jnp.zeros_like(vector)), sequence, jnp.zeros_like(mask))
    return (unchanged(vector), sequence, mask), free


def drawn(
    trained: dl.Trained,
    config: ImagenConfig,
    channels: int,
    number: int,
    text: np.ndarray,
    length: np.ndarray,
    small: np.ndarray | None = None,
    watch: Watch | None = None,
) -> np.ndarray:
    """Pictures of one stage in [0, 1] for texts [N, ...], of smaller pictures `small` above the base.

    watch: called with the pictures as each level estimates them.
    """
    side, diffusion = config.sides[number], trained.model.stage(number)
    block, made = min(BLOCK, len(length)), []
    steps = config.upsampler_sampling_steps if number else config.sampling_steps
    ratios = sampling_ratios("lognormal", steps, diffusion.noise_scale)
    percentile = jnp.float32(config.percentile)
    for start in range(0, len(length), block):
        rows = np.arange(start, start + block) % len(length)
        own = trained.folded(number).folded(start)
        key_small, key = jax.random.split(own.key)
        condition, free = own(read, text[rows], length[rows])
        beneath: Any = 0.0
        if small is not None:
            seen = seen_small(small[rows], side, config.noised_when_drawn, key_small)
            condition, free, beneath = (*condition, *seen), (*free, *seen), enlarge(small[rows], side)

        guidance = None if number else strength(config.guidance)
        known = (condition, free, percentile, beneath, guidance)

        def denoiser(
            x: jax.Array, ratio: jax.Array, own: dl.Trained = own, known: Any = known
        ) -> tuple[jax.Array, jax.Array]:
            estimated: tuple[jax.Array, jax.Array] = own(estimate, x, ratio, *known, number=number)
            return estimated

        shape = (block, side, side, channels)
        finished = partial(in_range, diffusion, beneath=beneath)
        x = sample(SAMPLERS[config.sampler], denoiser, key, shape, ratios, watching(watch, finished))
        made.append(finished(x))
    return np.concatenate(made)[: len(length)]


def pictures(
    trained: dl.Trained,
    config: ImagenConfig,
    dataset: Dataset,
    text: np.ndarray,
    length: np.ndarray,
    watch: Watch | None = None,
) -> list[np.ndarray]:
    """Pictures [N, side, side, C] in [0, 1] of every stage, the smallest first, for texts as in `captioned`."""
    made: list[np.ndarray] = []
    for number in range(len(config.sides)):
        small = made[-1] if made else None
        made.append(drawn(trained, config, dataset.image_shape[2], number, text, length, small, watch))
    return made


def rows_for(config: ImagenConfig, dataset: Dataset, rows: Mapping[str, np.ndarray]) -> tuple[Any, Any]:
    """The captions of the data set's rows, and their lengths, as the system reads them."""
    if config.text_weights:
        return FrozenText(config.text_weights, dataset).read(texts_of(rows, dataset))
    return rows["tokens"], rows["length"]


def texts_for(
    trained: dl.Trained, config: ImagenConfig, dataset: Dataset, texts: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Texts and lengths as the system reads them, what they leave open completed.

    UserError for a text without words, or that is too long.
    """
    if config.text_weights:
        return FrozenText(config.text_weights, dataset).read(completion.whole(trained, dataset, texts))
    return completion.read(trained, dataset, texts)


def need_sides(config: ImagenConfig, dataset: Dataset) -> None:
    """UserError unless the data have captioned pictures from which every stage's can be made."""
    need_captions(dataset)
    need_cascade(config, dataset)
    if config.text_weights and len(dataset.train) >= ENDLESS:
        raise UserError(
            f"a frozen encoder reads all captions before training, and those of --dataset={dataset.name} have no "
            "end: choose another set, or leave out --text_weights"
        )


def network(config: ImagenConfig, number: int, side: int, places: int) -> TextUNet:
    """The U-Net of a stage: those that the flags describe, or the published ones, that see every pixel."""
    if config.network == "small":
        if number:
            # As in the paper's last stage (section 2.4): what is far away is decided already.
            return unet(config.upsampler_widths, side, places, to_itself=False)
        return unet(config.widths, side, places, condition=config.condition)
    smallest = 16 if number else 8
    if side % smallest:
        raise UserError(
            f"--network=published halves pictures to a {smallest}th: {side} pixels are no multiple of it"
        )
    return imagen_upsampler(to_itself=number == 1) if number else imagen_base()


def imagen(config: ImagenConfig, dataset: Dataset) -> Imagen:
    """The networks for the data set's pictures."""
    networks = [network(config, number, side, config.places[number]) for number, side in enumerate(config.sides)]
    mean, std = dataset.moments("image")
    base = Diffusion(networks[0], mean, std, noise_scale=config.noise_scale)
    upsamplers = [
        upsampler(net, dataset, small, side, config.noise_scale)
        for net, (small, side) in zip(networks[1:], itertools.pairwise(config.sides), strict=True)
    ]
    assert dataset.vocabulary is not None
    # With words that begin at .5 fewer persons were right of kinds that had lost one in training (BUILD_NOTES.md).
    reader = TextReader(len(dataset.vocabulary), config.text_width, features=config.text_features, first=0.1)
    return Imagen(reader, base, tuple(upsamplers), completion.completer(config, dataset))


def stages(config: ImagenConfig, dataset: Dataset) -> list[dl.Stage]:
    """The base with the reader of texts, then each super-resolution, the reader frozen; what completes captions."""
    data = FrozenText(config.text_weights, dataset).beside(dataset.train) if config.text_weights else None

    def stage(number: int, name: str) -> dl.Stage:
        steps = config.upsampler_steps if number else config.steps
        trains = (f"upsamplers_{number - 1}",) if number else ("reader", "base")
        turn = dl.Turn(partial(denoise, config=config, number=number), trains, called=name)
        batch = max(1, config.batch_size // 2) if number else config.batch_size
        return dl.Stage([turn], config.chain(steps), steps, name, config.ema, data, batch)

    own = [stage(number, name) for number, name in enumerate(config.names)]
    return [*own, *completion.stages(config, dataset)]


def evaluate(trained: dl.Trained, dataset: Dataset, config: ImagenConfig) -> dl.Rows:
    """`picture_quality` of pictures for the captions of `asked_rows`: the largest, and a row of each stage below.

    The largest also seen as small as the base's, which is asked less: what is small is not seen there.
    Of the base also what it makes of other words and of captions that leave something open.
    """
    asked = asked_rows(dataset)
    made = pictures(trained, config, dataset, *rows_for(config, dataset, asked))

    def measured(images: np.ndarray, **more: float) -> dl.Measured:
        return dl.Measured({**picture_quality(images, dataset, asked), **more}, {"image": images})

    def base(texts: Sequence[str]) -> np.ndarray:
        text = texts_for(trained, config, dataset, texts)
        return drawn(trained, config, dataset.image_shape[2], 0, *text)

    said = paraphrase_quality(base, dataset)
    if trained.model.completer:
        said |= partial_quality(base, dataset)
    rows = {name: measured(images) for name, images in zip(config.names[:-1], made[:-1], strict=True)}
    if len(made) > 1:
        side = config.sides[0]
        rows[f"enlarged, and seen at {side} pixels"] = measured(np.asarray(area_means(made[-1], side)))
    return {dl.OURS: measured(made[-1], **said), **rows}


def system(config: ImagenConfig, dataset: Dataset) -> dl.Rival:
    """The whole pipeline, as an experiment's own system or one of several."""
    need_sides(config, dataset)
    measured = partial(evaluate, config=config)
    return dl.Rival(imagen(config, dataset), stages(config, dataset), measured, row="Imagen")
