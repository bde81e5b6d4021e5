"""WGAN-GP: a critic with a gradient penalty estimates the earth mover's distance to images of letters.

    python -m experiments.adversarial.wgan_gp

Gulrajani et al. 2017. The critic takes five turns to the generator's one. The data set's judge (`deeplearn.judge`)
measures the samples against training images: distances on its features (not the Inception network's, so none is an
"FID"), precision, recall, the fraction whose class it is confident of. Baselines: other training images, which is
what a perfect model would get; test images (of `glyphs`: in held-out fonts); a Gaussian fitted to the pixels.
Not in the paper: dense networks (`--network=convolutional` is closer to it) and mixture noise
(`deeplearn/models/mixture_prior.py`; `--components=1` is its Gaussian).
"""

import dataclasses
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.figures.grid import image_grid, image_rows
from deeplearn.judge import judge, nearest_training, need_judge, reference_rows, sample_count, sample_quality
from deeplearn.losses.adversarial import gradient_penalty
from deeplearn.models.dcgan import Critic, Generator, doublings
from deeplearn.models.dense_generator import DenseGenerator
from deeplearn.models.mixture_prior import MixturePrior
from deeplearn.models.mlp import MLP
from deeplearn.nn.functional import as_function


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    dataset: str = "glyphs"
    batch_size: int = 64
    steps: int = dl.flag(24_000, "generator steps", min=1)
    latents: int = dl.flag(16, "dimensions of the noise's Gaussian part", min=1)
    components: int = dl.flag(1024, "learned vectors of which the noise holds one (1: it is Gaussian)", min=1)
    network: str = dl.flag("dense", "layers of both networks", choices=("dense", "convolutional"))
    width: int = dl.flag(0, "units of a dense layer (0: 256) or channels next to the image (0: 32)", min=0)
    penalty: float = dl.flag(1.0, "weight of the gradient penalty", min=0)
    critic_turns: int = dl.flag(5, "critic's turns to one of the generator", min=1)
    learning_rate: float = dl.flag(2e-3, "Adam's rate at the start; falls to 0 along a cosine", min=0)

    # The released code's configuration for MNIST.
    PAPER = {
        "dataset": "mnist",
        "network": "convolutional",
        "width": 64,
        "latents": 128,
        "components": 1,
        "batch_size": 50,
        "penalty": 10.0,
        "learning_rate": 1e-4,
        "steps": 200_000,
    }
    TINY = {"dataset": "digits", "width": 8}


class WGAN(nn.Module):
    """prior: count -> noise; generator: noise -> images in [0, 1]; critic: images -> scores."""

    prior: MixturePrior
    generator: DenseGenerator | Generator
    critic: MLP | Critic

    def sample(self, count: int, train: bool = False) -> jax.Array:
        return self.generator(self.prior(count), train).astype(jnp.float32)


def criticise(model: WGAN, batch: dl.Batch, penalty: float) -> dl.Losses:
    real = batch["image"]
    fake = model.sample(len(real), train=True)
    gap = model.critic(real).astype(jnp.float32).mean() - model.critic(fake).astype(jnp.float32).mean()
    slopes = gradient_penalty(as_function(model.critic), real, fake, model.make_rng("noise"))
    return penalty * slopes - gap, {"gap": gap, "penalty": slopes}


def generate(model: WGAN, batch: dl.Batch) -> dl.Losses:
    fake = model.sample(len(batch["image"]), train=True)
    return -model.critic(fake).astype(jnp.float32).mean(), {}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    image = np.asarray(trained(WGAN.sample, count=sample_count(dataset)))
    return dl.ours(sample_quality(image, dataset) | judge(dataset).metrics, image=image[:100])


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return reference_rows(dataset, sample_count(dataset))


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    return image_grid(np.asarray(trained(WGAN.sample, count=100)), columns=10)


def figures(report: dl.Report) -> dict[str, Any]:
    image = report.ours.arrays["image"]

    def nearest() -> Any:
        made = image[:16]
        rows = {"sample": made, "nearest training image": nearest_training(made, report.dataset)}
        return image_rows(rows, report.dataset.image_shape)

    return {
        "samples": lambda: image_grid(image, columns=10),
        "nearest": nearest,
        "data": lambda: image_grid(report.rows["other training images"].arrays["image"], columns=10),
    }


def leaky_relu(x: jax.Array) -> jax.Array:
    return nn.leaky_relu(x, 0.2)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    need_judge(dataset)
    side, _, channels = dataset.image_shape
    width = config.width or (256 if config.network == "dense" else 32)
    generator: DenseGenerator | Generator = DenseGenerator(dataset.image_shape, (width,) * 3)
    critic: MLP | Critic = MLP((width,) * 3, 1, leaky_relu)
    if config.network == "convolutional":
        dataset.need_square_images("convolutions make squares here, --network=dense any shape")
        doublings(side)
        generator, critic = Generator(side, channels, width), Critic(width)

    def adam(updates: int) -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(config.learning_rate, updates), b1=0.0, b2=0.9)

    maker = adam(config.steps)
    optimizers = {"critic": adam(config.steps * config.critic_turns), "generator": maker, "prior": maker}
    turns = [
        dl.Turn(partial(criticise, penalty=config.penalty), trains=("critic",), times=config.critic_turns),
        dl.Turn(generate, trains=("generator", "prior")),
    ]
    return dl.Experiment(
        model=WGAN(MixturePrior(config.latents, config.components), generator, critic),
        stages=[dl.Stage(turns, optimizers, config.steps, ema=0.995)],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        figures=figures,
        sheet=sheet,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
