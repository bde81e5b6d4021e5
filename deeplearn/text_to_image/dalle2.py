"""DALL·E 2 as a system: its flags, its networks, the stages in which they train, and the pictures that it makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
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
from deeplearn.models.autoregressive_prior import AutoregressivePrior, principal_components
from deeplearn.models.clip import unit
from deeplearn.models.denoiser import GROUPS
from deeplearn.models.diffusion import Arrays, Diffusion
from deeplearn.models.diffusion_prior import DiffusionPrior
from deeplearn.models.imagen import add_noise, enlarge
from deeplearn.models.samplers import SAMPLERS, Denoiser, sample
from deeplearn.models.text_reader import TextReader
from deeplearn.models.text_unet import Level, TextUNet
from deeplearn.models.unclip import PictureReader, Unclip, blurred, scaled
from deeplearn.nn.functional import area_means
from deeplearn.nn.noise import noise_ratio, sampling_ratios
from deeplearn.text_to_image.captions import drop_words, need_captions, texts_of, tokens_of
from deeplearn.text_to_image.clip import IMAGE_ENCODERS, TEXT_ENCODERS, contrast, small_clip
from deeplearn.text_to_image.quality import asked_rows, picture_quality

BLOCK = 100  # pictures made at once
WORDS = 0.5  # each word's chance to be left out of a caption that loses words
DRAWS = 2  # vectors that the prior draws, of which that nearest to the caption's is kept (section 2.2)


@dataclasses.dataclass(frozen=True)
class UnclipConfig(dl.Config):
    dataset: str = "openmoji/people-32"
    sides: tuple[int, ...] = dl.flag((16, 32), "pixels of a side: of the decoder's pictures, of each upsampler's", min=2)
    steps: int = dl.flag(4000, "steps of the decoder", min=1)
    clip_steps: int = dl.flag(1000, "steps of CLIP", min=1)
    prior_steps: int = dl.flag(2000, "steps of the prior", min=1)
    upsampler_steps: int = dl.flag(1500, "steps of each upsampler", min=1)
    batch_size: int = dl.flag(32, "examples in a batch of the decoder", min=1)
    clip_batch: int = dl.flag(128, "examples in a batch of CLIP: all others are negatives", min=2)
    prior_batch: int = dl.flag(64, "examples in a batch of the prior", min=1)
    image_encoder: str = dl.flag("resnet", "CLIP's encoder of pictures", choices=IMAGE_ENCODERS)
    text_encoder: str = dl.flag("bag", "CLIP's encoder of captions", choices=TEXT_ENCODERS)
    clip_width: int = dl.flag(24, "channels of CLIP's first stage; a transformer has four times as many", min=1)
    features: int = dl.flag(128, "of the vectors of pictures and captions", min=2)
    prior: str = dl.flag("diffusion", "how a picture's vector is made", choices=("diffusion", "autoregressive"))
    prior_width: int = dl.flag(128, "features of the prior's transformer, a multiple of four heads", min=4)
    prior_layers: int = dl.flag(3, "its layers", min=1)
    components: int = dl.flag(32, "principal components that the autoregressive prior draws", min=1)
    levels: int = dl.flag(64, "levels that each of them is cut into", min=2)
    widths: tuple[int, ...] = dl.flag((64, 128), "channels of each resolution of the decoder's U-Net", min=GROUPS)
    upsampler_widths: tuple[int, ...] = dl.flag((48, 96), "the same of each upsampler", min=GROUPS)
    places: tuple[int, ...] = dl.flag((8, 16), "places of a side that a U-Net has at first, by stage", min=1)
    text_width: int = dl.flag(128, "features of a word in the decoder", min=8)
    drop_vector: float = dl.flag(0.1, "fraction of pictures' vectors left out of the decoder's training", max=1)
    drop_text: float = dl.flag(0.5, "fraction of captions left out of the decoder's training", min=0, max=1)
    drop_prior_text: float = dl.flag(0.1, "the same of the prior's", min=0, max=1)
    drop_words: float = dl.flag(0.25, "fraction of captions that lose words, about half of them", min=0, max=1)
    noise_scale: float = dl.flag(2.0, "factor of the decoder's noise levels (log-normal)", min=0)
    noised: float = dl.flag(0.5, "how far a smaller picture is noised in training, as t of cosine levels", max=1)
    noised_when_drawn: float = dl.flag(0.1, "the same when pictures are made", min=0, max=1)
    blur: float = dl.flag(0.6, "largest standard deviation of the blur of a smaller picture in training", min=0.1)
    sampler: str = dl.flag("ddim", "the way from noise to a picture", choices=tuple(SAMPLERS))
    prior_sampling_steps: int = dl.flag(24, "levels that the prior's sampler visits", min=2)
    sampling_steps: int = dl.flag(24, "the same of the decoder's", min=2)
    upsampler_sampling_steps: int = dl.flag(10, "the same of each upsampler's", min=2)
    prior_guidance: float = dl.flag(0.0, "how far vectors are pushed towards the caption (0: not at all)", min=0)
    guidance: float = dl.flag(1.0, "how far pictures are pushed towards vector and caption (0: not at all)", min=0)
    learning_rate: float = dl.flag(2e-3, "Adam's rate after 200 steps of warm-up; falls to 0 along a cosine", min=0)
    ema: float = dl.flag(0.998, "decay of the moving average of the weights", min=0, max=1)


def _with_fewer_words(model: Unclip, batch: dl.Batch, fraction: float) -> tuple[jax.Array, jax.Array]:
    """Captions of which some have lost words."""
    tokens, length = batch["tokens"], batch["length"]
    if not fraction:
        return tokens, length
    some = jax.random.bernoulli(model.make_rng("noise"), fraction, (len(tokens), 1))
    return drop_words(tokens, length, model.make_rng("noise"), WORDS * some)


def align(model: Unclip, batch: dl.Batch) -> dl.Losses:
    """1. CLIP: pictures and captions in one space."""
    return contrast(model.clip, batch)


def _left_out(model: Unclip, fraction: float, length: jax.Array) -> jax.Array:
    return jax.random.bernoulli(model.make_rng("noise"), fraction, length.shape)


def imagine(model: Unclip, batch: dl.Batch, config: UnclipConfig) -> dl.Losses:
    """2. The prior: a picture's vector for a caption, by its own denoising (equation 2) or code by code."""
    tokens, length = _with_fewer_words(model, batch, config.drop_words)
    picture, caption = model.clip.images(batch["image"]), model.clip.texts(tokens, length)
    none = _left_out(model, config.drop_prior_text, length)[:, None]
    caption, tokens = jnp.where(none, 0, caption), jnp.where(none, 0, tokens)
    if isinstance(model.prior, Diffusion):
        return diffusion_loss(model.prior, scaled(picture), scaled(caption), tokens), {}
    logits, codes = model.prior(picture, caption, tokens)
    nll = optax.softmax_cross_entropy_with_integer_labels(logits, codes).mean()
    return nll, {"code_accuracy": (logits.argmax(-1) == codes).mean()}


def decode(model: Unclip, batch: dl.Batch, config: UnclipConfig) -> dl.Losses:
    """3. The decoder: a small picture for a picture's vector and its caption."""
    tokens, length = _with_fewer_words(model, batch, config.drop_words)
    given = ~_left_out(model, config.drop_vector, length)
    length = jnp.where(_left_out(model, config.drop_text, length), 0, length)
    condition = model.reader(model.clip.images(batch["image"]), tokens, length, given)
    return diffusion_loss(model.decoder, area_means(batch["image"], config.sides[0]), *condition), {}


def enlarge_it(model: Unclip, batch: dl.Batch, config: UnclipConfig, number: int) -> dl.Losses:
    """4. An upsampler: crops of a picture for those of a smaller one, blurred and noised (section 2.1)."""
    diffusion, side = model.upsamplers[number - 1], config.sides[number]
    image, rows = area_means(batch["image"], side), len(batch["image"])
    key, key_blur, key_noise, key_place = jax.random.split(model.make_rng("noise"), 4)
    small = area_means(batch["image"], config.sides[number - 1])
    small = blurred(small, jax.random.uniform(key_blur, (rows,), minval=0.1, maxval=config.blur))
    ratio = noise_ratio("cosine", config.noised * jax.random.uniform(key, (rows,)))
    smaller = add_noise(diffusion.normalise(enlarge(small, side)), ratio, key_noise)
    size = side // 2
    corner = jax.random.randint(key_place, (rows, 2), 0, side - size + 1)

    def cropped(images: jax.Array) -> jax.Array:
        cut = jax.vmap(lambda x, at: jax.lax.dynamic_slice(x, (at[0], at[1], 0), (size, size, x.shape[-1])))
        return cut(images, corner)

    return diffusion_loss(diffusion, cropped(image), *nothing_told(rows), cropped(smaller), ratio), {}


def nothing_told(rows: int) -> Arrays:
    """The condition of a U-Net that reads nothing but a smaller picture: no vector, no sequence."""
    return np.zeros((rows, 1), np.float32), np.zeros((rows, 1, 1), np.float32), np.zeros((rows, 1), bool)


# What is called of the trained model, compiled.


def text_vectors(model: Unclip, tokens: jax.Array, length: jax.Array) -> jax.Array:
    return model.clip.texts(tokens, length)


def picture_vectors(model: Unclip, image: jax.Array) -> jax.Array:
    return model.clip.images(image)


def drawn_vectors(model: Unclip, caption: jax.Array, tokens: jax.Array) -> jax.Array:
    assert isinstance(model.prior, AutoregressivePrior)
    return unit(model.prior.draw(caption, tokens))


def prior_estimate(
    model: Unclip, x: jax.Array, ratio: jax.Array, condition: Arrays, free: Arrays, *, guidance: float
) -> tuple[jax.Array, jax.Array]:
    assert isinstance(model.prior, Diffusion)
    return model.prior.estimate(x, ratio, condition, free, guidance)


def told(model: Unclip, vector: jax.Array, tokens: jax.Array, length: jax.Array) -> tuple[Arrays, Arrays]:
    """What the decoder is told of vectors and captions, and where neither is given."""
    every = jnp.ones(length.shape, bool)
    free = model.reader(vector, tokens, jnp.zeros_like(length), ~every)
    return model.reader(vector, tokens, length, every), free


def estimate(
    model: Unclip,
    x: jax.Array,
    ratio: jax.Array,
    condition: Arrays,
    free: Arrays,
    *,
    number: int,
    guidance: float,
) -> tuple[jax.Array, jax.Array]:
    """(x̂, ε̂) of the decoder (number 0) or of an upsampler; the former's x̂ is kept within what pixels can be."""
    diffusion = model.upsamplers[number - 1] if number else model.decoder
    data, noise = diffusion.estimate(x, ratio, condition, free, guidance)
    return data, noise


def vectors_for(
    trained: dl.Trained, config: UnclipConfig, tokens: np.ndarray, length: np.ndarray
) -> np.ndarray:
    """A picture's vector [N, D] of length 1 for each caption: of DRAWS by the prior that nearest to the caption's."""
    caption = trained(text_vectors, tokens, length)
    draws = []
    for number in range(DRAWS):
        own = trained.folded(number)
        if config.prior == "autoregressive":
            draws.append(own(drawn_vectors, caption, tokens))
            continue
        condition = (scaled(caption), tokens)
        free = (jnp.zeros_like(caption), np.zeros_like(tokens))

        def denoiser(x: jax.Array, ratio: jax.Array, own: dl.Trained = own, arrays: Any = (condition, free)) -> Any:
            return own(prior_estimate, x, ratio, *arrays, guidance=config.prior_guidance)

        ratios = sampling_ratios("cosine", config.prior_sampling_steps)
        x = sample(SAMPLERS[config.sampler], denoiser, own.key, caption.shape, ratios)
        draws.append(unit(x))
    every = np.stack(draws)  # [draws, N, D]
    best = (every * np.asarray(caption)).sum(-1).argmax(0)
    chosen: np.ndarray = every[best, np.arange(len(best))]
    return chosen


def decoder_of(
    trained: dl.Trained, vector: Any, tokens: np.ndarray, length: np.ndarray, guidance: float
) -> Denoiser:
    """The decoder as a denoiser of pictures [N, side, side, C] for vectors and captions."""
    condition, free = trained(told, vector, tokens, length)

    def denoiser(x: jax.Array, ratio: jax.Array) -> tuple[jax.Array, jax.Array]:
        found: tuple[jax.Array, jax.Array] = trained(
            estimate, x, ratio, condition, free, number=0, guidance=guidance
        )
        return found

    return denoiser


def decoder_ratios(config: UnclipConfig) -> jax.Array:
    """The noise levels that are visited from noise to a small picture."""
    return sampling_ratios("lognormal", config.sampling_steps, config.noise_scale)


def finished(trained: dl.Trained, config: UnclipConfig, x: jax.Array) -> np.ndarray:
    """The decoder's x [N, side, side, C] of unit variance as pictures in [0, 1]."""
    return np.clip(np.asarray(trained.model.decoder.restore(x)), 0, 1)


def enlarged(trained: dl.Trained, config: UnclipConfig, small: np.ndarray, number: int) -> np.ndarray:
    """Pictures [N, side, side, C] in [0, 1] of upsampler `number`, from 1, of smaller ones."""
    diffusion, side, rows = trained.model.upsamplers[number - 1], config.sides[number], len(small)
    ratio = noise_ratio("cosine", jnp.full(rows, config.noised_when_drawn))
    smaller = add_noise(diffusion.normalise(enlarge(small, side)), ratio, trained.folded(1).key)
    condition = (*nothing_told(rows), smaller, ratio)

    def denoiser(x: jax.Array, level: jax.Array) -> tuple[jax.Array, jax.Array]:
        found: tuple[jax.Array, jax.Array] = trained(
            estimate, x, level, condition, condition, number=number, guidance=0.0
        )
        return found

    ratios = sampling_ratios("lognormal", config.upsampler_sampling_steps, diffusion.noise_scale)
    shape = (rows, side, side, small.shape[-1])
    x = sample(SAMPLERS[config.sampler], denoiser, trained.key, shape, ratios)
    return np.clip(np.asarray(diffusion.restore(x)), 0, 1)


def pictures(
    trained: dl.Trained,
    config: UnclipConfig,
    channels: int,
    tokens: np.ndarray,
    length: np.ndarray,
    vector: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Pictures [N, side, side, C] in [0, 1] of every stage, the smallest first, for captions.

    vector: [N, D], of pictures, in place of the prior's.
    """
    block, side = min(BLOCK, len(length)), config.sides[0]
    made: list[list[np.ndarray]] = [[] for _ in config.sides]
    for start in range(0, len(length), block):
        rows, own = np.arange(start, start + block) % len(length), trained.folded(start)
        asked = tokens[rows], length[rows]
        wanted = vectors_for(own, config, *asked) if vector is None else vector[rows]
        denoiser = decoder_of(own, wanted, *asked, config.guidance)
        shape = (block, side, side, channels)
        x = sample(SAMPLERS[config.sampler], denoiser, own.folded(DRAWS).key, shape, decoder_ratios(config))
        made[0].append(finished(trained, config, x))
        for number in range(1, len(config.sides)):
            made[number].append(enlarged(own, config, made[number - 1][-1], number))
    return [np.concatenate(each)[: len(length)] for each in made]


def evaluate(trained: dl.Trained, dataset: Dataset, config: UnclipConfig) -> dl.Rows:
    """`picture_quality` of the largest pictures made from the captions of `asked_rows`; rows of the others:

    of the decoder's small ones, and of what is decoded from the true pictures' vectors, which no prior can surpass.
    """
    asked = asked_rows(dataset)
    channels, read = dataset.image_shape[2], tokens_of(texts_of(asked, dataset), dataset)
    made = pictures(trained, config, channels, *read)
    vector = trained.over(picture_vectors, asked["image"])
    from_true = pictures(trained, config, channels, *read, vector)[-1]
    quality = partial(picture_quality, dataset=dataset, asked=asked)
    rows = {dl.OURS: dl.Measured(quality(made[-1]), {"image": made[-1]})}
    for name, images in zip(stage_names(config)[2:], made[:-1], strict=False):
        rows[f"{name}, {images.shape[1]} pixels"] = dl.Measured(quality(images), {"image": images})
    rows["from the true vectors"] = dl.Measured(quality(from_true), {"image": from_true})
    return rows


def stage_names(config: UnclipConfig) -> list[str]:
    return ["clip", "prior", "decoder", *(f"upsampler_{side}" for side in config.sides[1:])]


def need_unclip(config: UnclipConfig, dataset: Dataset) -> None:
    """UserError unless the data have captioned pictures, and the flags make networks of them."""
    need_captions(dataset)
    dataset.need_square_images("pictures of several sizes are made of each")
    largest, sides = dataset.image_shape[0], config.sides
    if any(b % a or b <= a for a, b in zip(sides, sides[1:], strict=False)) or largest % sides[-1]:
        raise UserError(
            f"--sides={','.join(map(str, sides))} should rise, each a multiple of the one before and the last a "
            f"divisor of {largest}, the side of the pictures of --dataset={config.dataset}"
        )
    if len(config.places) < len(sides):
        raise UserError(f"--places should have a number for each of {len(sides)} stages")
    for number, (side, places) in enumerate(zip(sides, config.places, strict=False)):
        widths = config.upsampler_widths if number else config.widths
        if side % places or places % 2 ** (len(widths) - 1 + bool(number)):
            raise UserError(f"--places: {side} pixels cannot be cut into {places} places and halved for {widths}")
    for width in (*config.widths, *config.upsampler_widths):
        if width % GROUPS:
            raise UserError(f"a width of {width} should be a multiple of {GROUPS}, the groups of group norm")
    if config.prior_width % 4:
        raise UserError(f"--prior_width={config.prior_width} should be a multiple of four, the prior's heads")
    if config.prior == "autoregressive" and config.components > min(config.features, len(dataset.train)):
        raise UserError(f"--components={config.components} are more than --features={config.features}, or examples")


def unclip(config: UnclipConfig, dataset: Dataset) -> Unclip:
    """The networks for the data set's pictures and captions."""
    assert dataset.vocabulary is not None
    mean, std = dataset.moments("image")
    words, length = len(dataset.vocabulary), dataset.train.spec["tokens"].shape[0]
    sizes = {"width": config.prior_width, "layers": config.prior_layers}
    prior: Diffusion | AutoregressivePrior
    if config.prior == "diffusion":
        # Vectors are centred well enough: the paper, too, only scales them.
        prior = Diffusion(DiffusionPrior(words, length, **sizes), 0.0, 1.0, "x", "cosine")
    else:
        prior = AutoregressivePrior(words, length, config.features, config.components, config.levels, **sizes)

    def network(number: int) -> Diffusion:
        widths = config.upsampler_widths if number else config.widths
        looks = not number  # upsamplers have no attention, nor do they know places: they are trained on crops
        levels = (*map(Level, widths[:-1]), Level(widths[-1], to_itself=looks, to_text=looks))
        unet = TextUNet(levels, config.sides[number] // config.places[number], positions=looks)
        return Diffusion(unet, mean, std, noise_scale=config.noise_scale)

    return Unclip(
        small_clip(dataset, config.image_encoder, config.text_encoder, config.clip_width, config.features),
        prior,
        PictureReader(TextReader(words, config.text_width)),
        network(0),
        tuple(network(number) for number in range(1, len(config.sides))),
    )


def stages(config: UnclipConfig, dataset: Dataset, model: Unclip) -> list[dl.Stage]:
    """CLIP, the prior, the decoder with its reader, each upsampler: what an earlier one trained is frozen later."""

    def stage(name: str, loss: Any, trains: tuple[str, ...], steps: int, batch: int, **more: Any) -> dl.Stage:
        rate = optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, min(200, steps // 10), steps)
        adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))
        return dl.Stage([dl.Turn(loss, trains, called=name)], adam, steps, name, config.ema, None, batch, **more)

    names = iter(stage_names(config))
    start = partial(with_components, config=config, dataset=dataset, model=model)
    coded = {"start": start} if config.prior == "autoregressive" else {}
    found = [
        stage(next(names), align, ("clip",), config.clip_steps, config.clip_batch),
        stage(next(names), partial(imagine, config=config), ("prior",), config.prior_steps, config.prior_batch, **coded),
        stage(next(names), partial(decode, config=config), ("reader", "decoder"), config.steps, config.batch_size),
    ]
    for number, name in enumerate(names, 1):
        loss = partial(enlarge_it, config=config, number=number)
        found.append(stage(name, loss, (f"upsamplers_{number - 1}",), config.upsampler_steps, config.batch_size))
    return found


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
