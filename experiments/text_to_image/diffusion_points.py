"""Diffusion on mixtures whose modes can be counted: learn to remove noise, then make points from noise alone.

    python -m experiments.text_to_image.diffusion_points --replicas=5

The denoising objective of Ho et al. 2020 with noise or v prediction over linear, cosine or log-normal noise levels,
sampled by DDPM, DDIM or Heun. Measured are the GAN's three numbers (`adversarial.gan`): modes reached, the fraction
of samples of high quality, the reverse KL over modes; with the same baselines. Images instead of points:
`text_to_image.diffusion`.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.adversarial.points import declared
from deeplearn.baselines.point_densities import SAMPLES
from deeplearn.data import Dataset
from deeplearn.losses.diffusion import diffusion_loss
from deeplearn.models.denoiser import DenoisingMLP
from deeplearn.models.diffusion import Diffusion, diffusion_samples
from deeplearn.models.samplers import SAMPLERS
from deeplearn.nn.noise import SCHEDULES


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    dataset: str = "mixture/grid"
    steps: int = 4000
    batch_size: int = 512
    prediction: str = dl.flag("v", "what the network predicts", choices=("noise", "v"))
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


def points(trained: dl.Trained) -> np.ndarray:
    sampler, steps = trained.config.sampler, trained.config.sampling_steps
    return diffusion_samples(trained, (np.zeros(SAMPLES, np.int32),), (2,), sampler=sampler, steps=steps)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_modes("this experiment counts those that samples reach")
    mean, std = dataset.moments("point")
    warm_up = min(200, config.steps // 10)
    rate = optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, warm_up, config.steps)
    adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))
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
        **declared(points, dataset),
    )


if __name__ == "__main__":
    dl.launch(Config, build)
