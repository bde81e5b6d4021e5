"""DALL·E 2 as a system: its networks, the stages in which they train, and how good its pictures are."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import partial
from typing import Any

import jax

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.models.autoregressive_prior import AutoregressivePrior, principal_components
from deeplearn.models.diffusion import Diffusion
from deeplearn.models.diffusion_prior import DiffusionPrior
from deeplearn.models.text_reader import TextReader
from deeplearn.models.text_unet import Level, TextUNet
from deeplearn.models.unclip import PictureReader, Unclip, unclip_decoder, unclip_prior, unclip_upsampler
from deeplearn.optim.schedules import warm_adam
from deeplearn.text_to_image import completion
from deeplearn.text_to_image.clip import small_clip
from deeplearn.text_to_image.dalle2_config import UnclipConfig, need_unclip
from deeplearn.text_to_image.dalle2_drawing import picture_vectors, pictures, text_vectors
from deeplearn.text_to_image.dalle2_losses import align, decode, enlarge_it, imagine
from deeplearn.text_to_image.networks import upsampler
from deeplearn.text_to_image.quality import asked_rows, picture_quality

CLIP_EMA = 0.99


def unclip(config: UnclipConfig, dataset: Dataset) -> Unclip:
    """The networks for the data set's pictures and captions."""
    assert dataset.vocabulary is not None
    words, length = len(dataset.vocabulary), dataset.train.spec["tokens"].shape[0]
    sizes: dict[str, Any] = {"width": config.prior_width, "layers": config.prior_layers}
    published = config.network == "published"
    prior: Diffusion | AutoregressivePrior
    if config.prior == "diffusion":
        # Vectors are centred well enough: the paper, too, only scales them.
        network = unclip_prior(words, length) if published else DiffusionPrior(words, length, **sizes)
        prior = Diffusion(network, 0.0, 1.0, "x", "cosine")
    else:
        prior = AutoregressivePrior(words, length, config.features, config.components, config.levels, **sizes)

    def unet(number: int) -> TextUNet:
        if published:
            return unclip_upsampler(number) if number else unclip_decoder()[1]
        widths = config.upsampler_widths if number else config.widths
        looks = not number  # upsamplers have no attention, nor do they know places: they are trained on crops
        levels = (*map(Level, widths[:-1]), Level(widths[-1], to_itself=looks, to_text=looks))
        patch, condition = config.sides[number] // config.places[number], None if number else config.condition
        return TextUNet(levels, patch, positions=looks, condition=condition)

    reader = PictureReader(TextReader(words, config.text_width, features=config.text_features))

    return Unclip(
        small_clip(
            dataset,
            config.image_encoder,
            config.text_encoder,
            config.clip_width,
            config.features,
            dropout=config.clip_dropout,
        ),
        prior,
        unclip_decoder(words)[0] if published else reader,
        Diffusion(unet(0), *dataset.moments("image"), noise_scale=config.noise_scale),
        tuple(
            upsampler(unet(number), dataset, small, side, config.noise_scale)
            for number, (small, side) in enumerate(itertools.pairwise(config.sides), 1)
        ),
        completion.completer(config, dataset),
    )


def stages(config: UnclipConfig, dataset: Dataset, model: Unclip) -> list[dl.Stage]:
    """CLIP, the prior, the decoder with its reader, each upsampler: what an earlier one trained is frozen later."""

    def stage(
        name: str, loss: Any, trains: tuple[str, ...], steps: int, batch: int, ema: float = config.ema, **more: Any
    ) -> dl.Stage:
        adam = warm_adam(config.learning_rate, steps, 200)
        return dl.Stage([dl.Turn(loss, trains, called=name)], adam, steps, name, ema, None, batch, **more)

    names = iter(config.names)
    start = partial(with_components, config=config, dataset=dataset, model=model)
    coded: dict[str, Any] = {"start": start} if config.prior == "autoregressive" else {}
    found = [
        # Batch norm's statistics are those of the last weights: averages of too many would not fit them.
        stage(next(names), align, ("clip",), config.clip_steps, config.clip_batch, CLIP_EMA),
        stage(
            next(names),
            partial(imagine, config=config),
            ("prior",),
            config.prior_steps,
            config.prior_batch,
            **coded,
        ),
        stage(next(names), partial(decode, config=config), ("reader", "decoder"), config.steps, config.batch_size),
    ]
    for number, name in enumerate(names, 1):
        loss = partial(enlarge_it, config=config, number=number)
        found.append(stage(name, loss, (f"upsamplers_{number - 1}",), config.upsampler_steps, config.batch_size))
    return [*found, *completion.stages(config, dataset)]


def with_components(
    variables: Mapping[str, Any], config: UnclipConfig, dataset: Dataset, model: Unclip
) -> dict[str, Any]:
    """Variables with the principal components of the vectors that the trained CLIP gives training pictures."""
    rows = dataset.train.arrays(10_000)
    trained = dl.Trained(model, variables, jax.random.key(0), config)
    vectors = trained.over(picture_vectors, rows["image"])
    captions = trained.over(_caption_vectors, {name: rows[name] for name in ("tokens", "length")})
    found = principal_components(vectors, (vectors * captions).sum(-1), config.components, config.levels)
    return {**variables, "components": {**variables["components"], "prior": found}}


def _caption_vectors(model: Unclip, batch: dl.Batch) -> jax.Array:
    return text_vectors(model, batch["tokens"], batch["length"])


def system(config: UnclipConfig, dataset: Dataset) -> dl.Rival:
    """The whole pipeline, as an experiment's own system or one of several."""
    need_unclip(config, dataset)
    model = unclip(config, dataset)
    found = stages(config, dataset, model)
    return dl.Rival(model, found, partial(evaluate, config=config), row="DALL·E 2")


def evaluate(trained: dl.Trained, dataset: Dataset, config: UnclipConfig) -> dl.Rows:
    """`picture_quality` of the largest pictures made from the captions of `asked_rows`; rows of the others:

    of the decoder's small ones, and of what is decoded from the true pictures' vectors, which no prior can surpass.
    """
    asked = asked_rows(dataset)
    channels, read = dataset.image_shape[2], (asked["tokens"], asked["length"])
    made = pictures(trained, config, channels, *read)
    vector = trained.over(picture_vectors, asked["image"])
    from_true = pictures(trained, config, channels, *read, vector)[-1]
    quality = partial(picture_quality, dataset=dataset, asked=asked)
    rows = {dl.OURS: dl.Measured(quality(made[-1]), {"image": made[-1]})}
    for name, images in zip(config.names[2:], made[:-1], strict=False):
        rows[f"{name}, {images.shape[1]} pixels"] = dl.Measured(quality(images), {"image": images})
    rows["from the true vectors"] = dl.Measured(quality(from_true), {"image": from_true})
    return rows
