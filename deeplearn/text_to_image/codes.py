"""Discrete codes of pictures: their flags, the network, how it is trained, and how good its codes are."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import runs
from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.losses.logit_laplace import logit_laplace_log_density
from deeplearn.models.vqvae import GROUPS, VQVAE
from deeplearn.optim.schedules import warm_adam

COMMITMENT = 0.25  # β (van den Oord et al. 2017, section 3.2)
COLDEST = 1 / 16  # temperature of the Gumbel-softmax at last (Ramesh et al. 2021, section 2.1)
KL_WEIGHT = 6.6  # of the KL at last (the same), there over the 192 numbers of a place
QUANTISERS = ("ema", "gumbel")
SIZES = ("shape", "factor", "levels", "codes", "features", "width", "blocks", "quantiser", "parts", "mean")


@dataclasses.dataclass(frozen=True)
class CodeConfig(dl.Config):
    """The flags of a discrete code, of an experiment of its own or the first stage of another."""

    dataset: str = "openmoji/people-32"
    quantiser: str = dl.flag("ema", "how codes are chosen: VQ-VAE's nearest vector, or dVAE's", choices=QUANTISERS)
    code_steps: int = dl.flag(6000, "steps in which the code is trained", min=1)
    code_batch: int = dl.flag(32, "pictures in its batches", min=1)
    code_rate: float = dl.flag(2e-3, "Adam's rate for it after a warm-up; falls to 0 along a cosine", min=0)
    code_factor: int = dl.flag(4, "pixels of a code's side", min=1)
    codes: int = dl.flag(512, "codes in a codebook", min=2)
    code_features: int = dl.flag(32, "of a code's vector", min=1)
    code_width: int = dl.flag(96, "channels of encoder and decoder; eight divides them", min=GROUPS)
    code_blocks: int = dl.flag(2, "residual blocks of the encoder; the decoder has twice as many", min=0)
    levels: int = dl.flag(1, "of codes: 1, or 2 as in VQ-VAE-2", min=1, max=2)


def code(config: CodeConfig, dataset: Dataset) -> VQVAE:
    """The network for the data set's pictures; UserError where they cannot be cut into codes."""
    dataset.need_images("here pictures are written as codes")
    if config.quantiser == "ema" and config.parallel == "pmap":
        raise UserError("a codebook that follows its batches would be another on each device: use --parallel=jit")
    if config.quantiser == "gumbel" and config.levels == 2:
        raise UserError("two levels are those of VQ-VAE-2: with --levels=2 use --quantiser=ema")
    height, width, _ = dataset.image_shape
    side = config.code_factor * 2 ** (config.levels - 1)
    if height % side or width % side:
        raise UserError(
            f"pictures of {height}×{width} pixels cannot be cut into codes of {side}: give another --code_factor"
            + (", or --levels=1" if config.levels == 2 else "")
        )
    if config.code_width % GROUPS:
        raise UserError(f"--code_width={config.code_width} should be a multiple of {GROUPS}, groups of its norm")
    return VQVAE(
        dataset.image_shape,
        config.code_factor,
        config.levels,
        config.codes,
        config.code_features,
        config.code_width,
        config.code_blocks,
        config.quantiser,
        parts=1 if config.quantiser == "ema" else 2,
        mean=dataset.moments("image")[0],
    )


def reconstruct(model: VQVAE, batch: dl.Batch, variance: float, steps: int) -> dl.Losses:
    """VQ-VAE: squared error over the data's variance, and commitment (van den Oord et al. 2017, equation 3).

    dVAE: the evidence lower bound per pixel, its KL weighted, softmax ever colder (Ramesh et al. 2021, 2.1).
    """
    image = batch["image"]
    if model.quantiser == "ema":
        outputs, codes, commitment = model(image)
        mse = jnp.square(outputs[..., 0] - image).mean()
        return mse / variance + COMMITMENT * commitment, {"mse": mse, "perplexity": perplexity(codes, model.codes)}
    # Both are annealed in the first half: there temperature falls along a cosine and the weight rises.
    done = jnp.minimum(1.0, 2 * batch["step"] / steps)
    temperature = COLDEST + (1 - COLDEST) * (1 + jnp.cos(jnp.pi * done)) / 2
    outputs, codes, kl = model(image, temperature)
    nats = -logit_laplace_log_density(image, outputs[..., 0], outputs[..., 1]).mean()
    places = math.prod(model.shape) / model.tokens
    mse = jnp.square(model.picture(outputs) - image).mean()
    metrics = {"mse": mse, "kl": kl, "perplexity": perplexity(codes, model.codes)}
    return nats + KL_WEIGHT * done * kl / places, metrics


def perplexity(codes: Any, count: int) -> Any:
    """exp of the entropy of how often each of `count` codes is used, codes int32 [...]: between 1 and `count`."""
    used = jnp.bincount(codes.reshape(-1), length=count) / codes.size
    return jnp.exp(-(used * jnp.log(jnp.maximum(used, 1e-12))).sum())


def code_stage(config: CodeConfig, dataset: Dataset, network: str = "", loss: Any = reconstruct) -> dl.Stage:
    """The stage "codes" that trains the network of that name (empty: the root).

    loss: `reconstruct`, or a function that calls it on the code's part of a larger model.
    """
    steps = config.code_steps
    adam = warm_adam(config.code_rate, steps)
    variance = max(dataset.moments("image")[1] ** 2, 1e-6)

    def of_code(model: Any, batch: dl.Batch) -> dl.Losses:
        return loss(getattr(model, network) if network else model, batch, variance, steps)

    turn = dl.Turn(of_code, (network,) if network else (), called="codes")
    return dl.Stage([turn], adam, steps, "codes", ema=0.99, batch_size=config.code_batch)


def frozen_codes(model: VQVAE, image: Any) -> Any:
    """Codes int32 [B, tokens] of pictures [B, H, W, C] by a bound network that stays as it is.

    In a step of training its codebook would otherwise follow what it sees.
    """
    if model.is_initializing():  # it gets its parameters by being called
        return model.encode(image)
    network, variables = model.unbind()
    return jax.lax.stop_gradient(network.apply(variables, image, method=VQVAE.encode))


def of_run(path: str, dataset: Dataset) -> tuple[VQVAE, Mapping[str, Any]]:
    """The code of a run of text_to_image.vqvae, and its variables by collection.

    UserError for another run, and for one of pictures of another shape.
    """
    run = runs.open(Path(path))
    network = getattr(run.model, "code", None)
    if not isinstance(network, VQVAE):
        raise UserError(f"--code_run={path} is a run of {run.name}: name one of text_to_image.vqvae")
    if network.shape != dataset.image_shape:
        raise UserError(
            f"--code_run={path} writes pictures of {network.shape} as codes, and those of {dataset.name} are "
            f"{dataset.image_shape}"
        )
    return network, {name: trees["code"] for name, trees in run.weights.items() if "code" in trees}


def coder_of_run(path: str, dataset: Dataset) -> VQVAE:
    """The network of a run's code; its sizes are kept with the run that uses it, which then stands alone."""

    def sizes() -> tuple[Any, ...]:
        network, _ = of_run(path, dataset)
        return tuple(getattr(network, name) for name in SIZES)

    found = dict(zip(SIZES, dataset.fact(f"the code of {path}", sizes), strict=True))
    return VQVAE(**{**found, "shape": tuple(found["shape"])})


def reconstructed(model: VQVAE, image: Any) -> tuple[Any, Any]:
    """Pictures [B, H, W, C] as their codes show them, and these int32 [B, tokens]."""
    codes = model.encode(image)
    return model.decode(codes), codes


def codes_used(model: VQVAE, codes: np.ndarray) -> dict[str, float]:
    """Of codes [N, tokens]: codes_used, the fraction of a codebook that occurs, and perplexity; of the level that
    has less of each."""
    ends = np.cumsum([h * w for h, w in model.grids])[:-1]
    levels = np.split(np.asarray(codes), ends, axis=1)
    return {
        "codes_used": min(len(np.unique(level)) for level in levels) / model.codes,
        "perplexity": min(float(perplexity(jnp.asarray(level), model.codes)) for level in levels),
    }
