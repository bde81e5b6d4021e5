"""The minimax game, min_G max_D E log D(x) + E log(1 − D(G(z))), on mixtures whose modes can be counted.

    python -m experiments.adversarial.gan --replicas=5
    python -m experiments.adversarial.gan --replicas=5 --dataset=mixture/ring --workdir=runs/ring
    python -m experiments.adversarial.gan --replicas=5 --game=saturating --workdir=runs/saturating

Goodfellow et al. 2014. As VEEGAN and PacGAN do, it counts the modes that samples reach, the fraction of samples
within three standard deviations of a mode (`high_quality`), and how uneven the modes are (`reverse_kl`); no
single one of them suffices. Baselines: the data itself, a kernel density estimate, a Gaussian mixture fitted by EM.
"""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial.config import GameConfig
from deeplearn.adversarial.players import PointGAN
from deeplearn.adversarial.watch import ALARMS
from deeplearn.baselines.point_densities import PUBLISHED, SAMPLES, point_densities
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.plots import scatter
from deeplearn.metrics.mixture import mode_coverage
from deeplearn.models.dcgan import DenseCritic
from deeplearn.models.mixture_prior import GaussianPrior, MixturePrior
from deeplearn.models.mlp import MLP
from deeplearn.nn.waves import OnWaves


@dataclasses.dataclass(frozen=True)
class Config(GameConfig):
    dataset: str = "mixture/grid"
    steps: int = 10_000
    learning_rate: float = 1e-3
    latents: int = dl.flag(25, "dimensions of the generator's noise", min=1)
    components: int = dl.flag(1, "learned vectors of which the noise holds one (1: it is Gaussian)", min=1)
    hidden: tuple[int, ...] = dl.flag((128, 128), "widths of the hidden layers of both networks", min=1)
    frequencies: tuple[float, ...] = dl.flag((), "of sines and cosines of the points, which the discriminator sees")

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


def points(trained: dl.Trained) -> np.ndarray:
    return np.asarray(trained(PointGAN.sample, count=SAMPLES))


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
    if config.augmentation:
        raise UserError("--augmentation is of images: these are points")
    discriminator = config.discriminator(
        OnWaves(DenseCritic(config.hidden, leaky_relu, config.minibatch_stddev), config.frequencies)
    )
    generator, scale = MLP(config.hidden, 2, leaky_relu), float(np.abs(dataset.about["means"]).max())
    mixed = config.components > 1
    prior = MixturePrior(config.latents, config.components) if mixed else GaussianPrior(config.latents)
    return dl.Experiment(
        model=PointGAN(prior, generator, discriminator, scale),
        stages=[config.stage(generator=("generator", "prior") if mixed else ("generator",))],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        published=PUBLISHED.get(dataset.name, {}),
        figures=figures,
        sheet=sheet,
        alarms=ALARMS,
        curves=lambda trained, dataset: evaluate(trained, dataset)[dl.OURS].metrics,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
