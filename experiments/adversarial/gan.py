"""The minimax game, min_G max_D E log D(x) + E log(1 − D(G(z))), on mixtures whose modes can be counted.

    python -m experiments.adversarial.gan --replicas=5
    python -m experiments.adversarial.gan --replicas=5 --dataset=mixture/ring --workdir=runs/ring
    python -m experiments.adversarial.gan --replicas=5 --generator_loss=saturating --workdir=runs/saturating

Goodfellow et al. 2014. As VEEGAN and PacGAN do, it counts the modes that samples reach, the fraction of samples
within three standard deviations of a mode (`high_quality`), and how uneven the modes are (`reverse_kl`); no
single one of them suffices. Baselines: the data itself, a kernel density estimate, a Gaussian mixture fitted by EM.
"""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.baselines.point_densities import PUBLISHED, SAMPLES, point_densities
from deeplearn.data import Dataset
from deeplearn.figures.plots import scatter
from deeplearn.losses.adversarial import discriminator_loss, non_saturating_loss, saturating_loss
from deeplearn.metrics.mixture import mode_coverage
from deeplearn.models.gan import GAN
from deeplearn.models.mlp import MLP


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    dataset: str = "mixture/grid"
    steps: int = 10_000
    generator_loss: str = dl.flag("non_saturating", "its loss", choices=("non_saturating", "saturating"))
    latents: int = dl.flag(25, "dimensions of the generator's noise", min=1)
    hidden: tuple[int, ...] = dl.flag((128, 128), "widths of the hidden layers of both networks", min=1)
    learning_rate: float = dl.flag(1e-3, "Adam's rate for both networks", min=0)
    beta1: float = dl.flag(0.5, "Adam's decay of the first moment", min=0, max=0.999)

    # The widths and budget of PacGAN's released code, which also has batch norm and maxout.
    PAPER = {
        "latents": 2,
        "hidden": (400, 400, 400, 400),
        "batch_size": 100,
        "learning_rate": 1e-4,
        "beta1": 0.8,
        "steps": 400_000,
    }
    TINY = {"hidden": (8,)}


def leaky_relu(x: jax.Array) -> jax.Array:
    return nn.leaky_relu(x, 0.1)


def discriminate(gan: GAN, batch: dl.Batch) -> dl.Losses:
    real = gan.logits(batch["point"])
    fake = gan.logits(gan.sample(len(batch["point"])))
    return discriminator_loss(real, fake), {"accuracy": ((real > 0).mean() + (fake < 0).mean()) / 2}


def generate(gan: GAN, batch: dl.Batch) -> dl.Losses:
    return non_saturating_loss(gan.logits(gan.sample(len(batch["point"])))), {}


def generate_saturating(gan: GAN, batch: dl.Batch) -> dl.Losses:
    return saturating_loss(gan.logits(gan.sample(len(batch["point"])))), {}


def points(trained: dl.Trained) -> np.ndarray:
    return np.asarray(trained(GAN.sample, count=SAMPLES))


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    made = points(trained)
    return dl.ours(mode_coverage(made, dataset.about["means"], dataset.about["sigma"]), points=made)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return point_densities(dataset)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    return scatter(points(trained), reference=dataset.test.arrays(SAMPLES)["point"])


def figures(report: dl.Report) -> dict[str, Any]:
    data = report.dataset.test.arrays(SAMPLES)["point"]
    return {"samples": lambda: scatter(report.ours.arrays["points"], reference=data)}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_modes("this experiment counts those that samples reach")
    networks = MLP(config.hidden, 2, leaky_relu), MLP(config.hidden, 1, leaky_relu)
    generator = generate if config.generator_loss == "non_saturating" else generate_saturating
    turns = [dl.Turn(discriminate, trains=("discriminator",)), dl.Turn(generator, trains=("generator",))]
    return dl.Experiment(
        model=GAN(*networks, config.latents, scale=float(np.abs(dataset.about["means"]).max())),
        stages=[dl.Stage(turns, optax.adam(config.learning_rate, b1=config.beta1), config.steps)],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        published=PUBLISHED.get(dataset.name, {}),
        figures=figures,
        sheet=sheet,
        curves=lambda trained, dataset: evaluate(trained, dataset)[dl.OURS].metrics,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
