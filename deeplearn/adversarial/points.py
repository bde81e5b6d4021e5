"""Games over points whose modes can be counted: their flags, their networks, and what is measured and drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial.config import GameConfig
from deeplearn.adversarial.players import PointGAN
from deeplearn.baselines.point_densities import PUBLISHED, SAMPLES, point_densities
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.plots import scatter
from deeplearn.metrics.mixture import mode_coverage
from deeplearn.models.dcgan import DenseCritic
from deeplearn.models.mixture_prior import GaussianPrior, MixturePrior
from deeplearn.models.mlp import MLP
from deeplearn.models.pacgan import MaxoutCritic, NormedMLP
from deeplearn.nn.waves import OnWaves

MAXOUT = (200, 200, 200)  # units of PacGAN's discriminator
# What `adversarial.gan` adds to the GAN by default; its steps and batch are part of what it reaches.
REMEDIES: dict[str, Any] = {
    "packing": 2,
    "components": 256,
    "frequencies": (1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
    "instance_noise": 0.5,
    "schedule": "cosine",
    "ema": 0.999,
}


def leaky_relu(x: jax.Array) -> jax.Array:
    return nn.leaky_relu(x, 0.1)


@dataclasses.dataclass(frozen=True)
class PointConfig(GameConfig):
    """The flags of a game over points; a page sets the defaults."""

    dataset: str = "mixture/grid"
    learning_rate: float = 1e-3
    network: str = dl.flag(
        "dense", "layers: leaky ReLU, or PacGAN's batch norm and maxout", choices=("dense", "pacgan")
    )
    latents: int = dl.flag(25, "dimensions of the noise's Gaussian part", min=1)
    components: int = dl.flag(1, "learned vectors of which the noise holds one (1: it is Gaussian)", min=1)
    hidden: tuple[int, ...] = dl.flag(
        (128, 128), "widths of the hidden layers; of PacGAN's, the generator's", min=1
    )
    frequencies: tuple[float, ...] = dl.flag((), "of sines and cosines of the points that the discriminator sees")

    def system(self, dataset: Dataset) -> PointGAN:
        """Generator and discriminator of the data's points; UserError where these have no modes."""
        dataset.need_modes("this experiment counts those that samples reach")
        if self.augmentation:
            raise UserError("--augmentation is of images: these are points")
        prior = MixturePrior(self.latents, self.components) if self.components > 1 else GaussianPrior(self.latents)
        if self.network == "pacgan":
            generator: nn.Module = NormedMLP(self.hidden, 2)
            critic: nn.Module = MaxoutCritic(MAXOUT, minibatch_stddev=self.minibatch_stddev)
        else:
            generator = MLP(self.hidden, 2, leaky_relu)
            critic = DenseCritic(self.hidden, leaky_relu, self.minibatch_stddev)
        scale = 1.0 if self.network == "pacgan" else float(np.abs(dataset.about["means"]).max())
        return PointGAN(prior, generator, self.discriminator(OnWaves(critic, self.frequencies)), scale)

    def point_stage(self, **losses: Any) -> dl.Stage:
        """As any game's `stage`, with other losses; a mixture's components learn with the generator."""
        return self.stage(generator=("generator", "prior") if self.components > 1 else ("generator",), **losses)


def coverage(points: np.ndarray, dataset: Dataset) -> dl.Rows:
    """The row of generated points [n, 2]: modes, fraction of high quality, reverse KL; with the points."""
    return dl.ours(mode_coverage(points, dataset.about["means"], dataset.about["sigma"]), points=points)


def made(trained: dl.Trained) -> np.ndarray:
    """Points [2500, 2] of a trained `PointGAN`."""
    return np.asarray(trained(PointGAN.sample, count=SAMPLES))


def over_the_data(points: np.ndarray, dataset: Dataset) -> Any:
    return scatter(points, reference=dataset.test.arrays(SAMPLES)["point"])


def declared(make: Callable[[dl.Trained], np.ndarray], dataset: Dataset) -> dict[str, Any]:
    """Fields of a `dl.Experiment` that generates points: `make(trained)` -> points [2500, 2]."""

    def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
        return coverage(make(trained), dataset)

    return {
        "evaluate": evaluate,
        "baselines": lambda trained, dataset: point_densities(dataset),
        "published": PUBLISHED.get(dataset.name, {}),
        "figures": lambda report: {"samples": lambda: over_the_data(report.ours.arrays["points"], report.dataset)},
        "sheet": lambda trained, dataset: over_the_data(make(trained), dataset),
        "curves": lambda trained, dataset: evaluate(trained, dataset)[dl.OURS].metrics,
    }
