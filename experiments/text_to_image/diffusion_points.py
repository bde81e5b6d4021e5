"""Diffusion on mixtures whose modes can be counted: learn to remove noise, then make points from noise alone.

    python -m experiments.text_to_image.diffusion_points --replicas=5

The denoising objective of Ho et al. 2020 with noise, v or x prediction over linear, cosine or log-normal noise
levels, sampled by DDPM, DDIM, Heun or DPM-Solver++. Measured are the GAN's three numbers (`adversarial.gan`): modes
reached, the fraction of samples of high quality, the reverse KL over modes; with the same baselines, and for each
sampler by evaluations of the denoiser. Images instead of points: `text_to_image.diffusion`.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial.points import coverage, declared, over_the_data
from deeplearn.baselines.point_densities import SAMPLES
from deeplearn.data import Dataset
from deeplearn.figures.plots import curves
from deeplearn.losses.diffusion import diffusion_loss
from deeplearn.models.denoiser import DenoisingMLP
from deeplearn.models.diffusion import Diffusion, diffusion_samples
from deeplearn.models.samplers import SAMPLERS
from deeplearn.nn.noise import PREDICTIONS, SCHEDULES
from deeplearn.optim.schedules import warm_adam
from deeplearn.text_to_image.sweeps import by_evaluations, evaluation_curves


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    dataset: str = "mixture/grid"
    steps: int = 4000
    batch_size: int = 512
    prediction: str = dl.flag("v", "what the network predicts", choices=PREDICTIONS)
    schedule: str = dl.flag("lognormal", "the noise levels", choices=SCHEDULES)
    noise_scale: float = dl.flag(1.0, "factor of all noise levels", min=1e-3)
    sampler: str = dl.flag("heun", "the way from noise to data", choices=tuple(SAMPLERS))
    sampling_steps: int = dl.flag(40, "levels that the sampler visits", min=2)
    width: int = dl.flag(160, "units of the denoiser's layers", min=1)
    learning_rate: float = dl.flag(3e-3, "Adam's rate after 200 steps of warm-up; falls to 0 along a cosine", min=0)

    # Objective, levels, sampler and budget of Ho et al. 2020, who model images.
    PAPER = {
        "prediction": "noise",
        "schedule": "linear",
        "sampler": "ddpm",
        "sampling_steps": 1000,
        "batch_size": 128,
        "learning_rate": 2e-4,
        "steps": 800_000,
    }
    TINY = {"width": 8, "sampling_steps": 3}


def denoise(model: Diffusion, batch: dl.Batch) -> dl.Losses:
    return diffusion_loss(model, batch["point"], jnp.zeros(len(batch["point"]), jnp.int32)), {}


def points(trained: dl.Trained, **way: Any) -> np.ndarray:
    """As the flags say, or another way: [2500, 2]."""
    flags = {"sampler": trained.config.sampler, "steps": trained.config.sampling_steps}
    return diffusion_samples(trained, (np.zeros(SAMPLES, np.int32),), (2,), **flags | way)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    def draw(sampler: str, steps: int) -> np.ndarray:
        return points(trained, sampler=sampler, steps=steps)

    def measure(made: np.ndarray) -> dict[str, float]:
        return dict(coverage(made, dataset)[dl.OURS].metrics)

    return {**coverage(points(trained), dataset), **by_evaluations(draw, measure)}


def figures(report: dl.Report) -> dict[str, Any]:
    lines = evaluation_curves(report.rows, "high_quality")
    return {
        "samples": lambda: over_the_data(report.ours.arrays["points"], report.dataset),
        "evaluations": lambda: curves(lines, "evaluations of the denoiser", "fraction of high quality", log_x=True),
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_modes("this experiment counts those that samples reach")
    mean, std = dataset.moments("point")
    adam = warm_adam(config.learning_rate, config.steps, 200)
    return dl.Experiment(
        model=Diffusion(
            DenoisingMLP(config.width),
            mean=mean,
            std=std,
            prediction=config.prediction,
            schedule=config.schedule,
            noise_scale=config.noise_scale,
        ),
        stages=[dl.Stage([dl.Turn(denoise)], adam, config.steps, ema=0.999)],
        data=dataset,
        **declared(points, dataset) | {"evaluate": evaluate, "figures": figures},
    )


if __name__ == "__main__":
    dl.launch(Config, build)
