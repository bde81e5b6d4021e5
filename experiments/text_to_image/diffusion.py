"""Diffusion: learn to remove noise, then make pictures of a class from noise alone, step by step.

    python -m experiments.text_to_image.diffusion
    python -m experiments.text_to_image.diffusion --dataset=glyphs --batch_size=32 --steps=6000 \\
        --learning_rate=2e-3 --width=16 --sampling_steps=20 --workdir=runs/glyphs

The denoising objective of Ho et al. 2020 with noise or v prediction over linear, cosine or log-normal noise levels,
sampled by DDPM, DDIM or Heun, conditioned on the class, with classifier-free guidance (Ho & Salimans 2021). The
data set's judge (`deeplearn.judge`) measures the samples: the fraction that it assigns to the requested class
(`accuracy`), distances on its features, precision, recall. Baselines: other training images, test images, a
Gaussian on pixels.
Points instead of images: `text_to_image.diffusion_points`.
"""

import dataclasses
from functools import partial
from typing import Any

import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_grid, image_rows
from deeplearn.judge import judge, nearest_training, need_judge, reference_rows, sample_count, sample_quality
from deeplearn.losses.diffusion import diffusion_loss, drop_labels
from deeplearn.models.denoiser import GROUPS, UNet, resolutions
from deeplearn.models.diffusion import Diffusion, diffusion_samples
from deeplearn.models.samplers import SAMPLERS
from deeplearn.nn.noise import SCHEDULES

IMAGES = 1000  # largest number of images that are sampled to be judged


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    steps: int = 1500
    batch_size: int = 64
    prediction: str = dl.flag("v", "what the network predicts", choices=("noise", "v"))
    schedule: str = dl.flag("lognormal", "the noise levels", choices=SCHEDULES)
    noise_scale: float = dl.flag(0.0, "factor of all noise levels (0: side / 8 if log-normal, else 1)", min=0)
    sampler: str = dl.flag("heun", "the way from noise to data", choices=tuple(SAMPLERS))
    sampling_steps: int = dl.flag(40, "levels that the sampler visits", min=2)
    guidance: float = dl.flag(1.0, "how far samples are pushed towards their class (0: not at all)", min=0)
    drop_label: float = dl.flag(0.1, "fraction of training labels left out, for guidance", min=0, max=1)
    width: int = dl.flag(32, "channels of the U-Net at full resolution; eight divides them", min=GROUPS)
    learning_rate: float = dl.flag(1e-3, "Adam's rate after 200 steps of warm-up; falls to 0 along a cosine", min=0)

    # The budget of Ho et al. 2020 for CIFAR-10; their U-Net also has attention, and widths in ratios 1, 2, 2, 2.
    PAPER = {
        "dataset": "cifar10",
        "prediction": "noise",
        "schedule": "linear",
        "noise_scale": 1.0,
        "sampler": "ddpm",
        "sampling_steps": 1000,
        "guidance": 0.0,
        "width": 128,
        "batch_size": 128,
        "learning_rate": 2e-4,
        "steps": 800_000,
    }
    TINY = {"width": 8, "sampling_steps": 3}


def denoise(model: Diffusion, batch: dl.Batch, drop_label: float) -> dl.Losses:
    label = drop_labels(batch["label"], model.make_rng("noise"), drop_label, model.denoiser.classes)
    return diffusion_loss(model, batch["image"], label), {}


def samples(trained: dl.Trained, label: np.ndarray, dataset: Dataset) -> np.ndarray:
    """An image in [0, 1] of each requested class [n]: [n, H, W, C]."""
    config = trained.config
    free = np.full_like(label, len(dataset.classes))
    way = {"sampler": config.sampler, "steps": config.sampling_steps, "guidance": config.guidance}
    return np.clip(diffusion_samples(trained, (label,), dataset.image_shape, free=(free,), **way), 0, 1)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    label = dataset.test.arrays(sample_count(dataset, IMAGES))["label"]
    image = samples(trained, label, dataset)
    return dl.ours(sample_quality(image, dataset, label) | judge(dataset).metrics, image=image[:16])


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return reference_rows(dataset, sample_count(dataset, IMAGES), labels=True)


def by_class(trained: dl.Trained, dataset: Dataset, columns: int) -> Any:
    """Samples of the first twelve classes, a class a row."""
    names = dataset.classes[:12]
    image = samples(trained, np.repeat(np.arange(len(names), dtype=np.int32), columns), dataset)
    return image_grid(image, columns=columns, row_labels=names)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    return by_class(trained, dataset, columns=4)


def figures(report: dl.Report) -> dict[str, Any]:
    def nearest() -> Any:
        image = report.ours.arrays["image"]
        rows = {"sample": image, "nearest training image": nearest_training(image, report.dataset)}
        return image_rows(rows, report.dataset.image_shape)

    return {"samples": lambda: by_class(report.trained, report.dataset, columns=12), "nearest": nearest}


def noise_scale(config: Config, shape: tuple[int, int, int]) -> float:
    """For images [H, W, C]. Linear and cosine levels are large enough as published."""
    return config.noise_scale or (max(shape[:2]) / 8 if config.schedule == "lognormal" else 1.0)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    need_judge(dataset)
    if config.width % GROUPS:
        raise UserError(f"--width={config.width} should be a multiple of {GROUPS}, the groups of group norm")
    height, width, _ = shape = dataset.image_shape
    widths = tuple(config.width * min(2**level, 4) for level in range(resolutions(height, width)))
    mean, std = dataset.moments("image")
    warm_up = min(200, config.steps // 10)
    rate = optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, warm_up, config.steps)
    adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))
    turn = dl.Turn(partial(denoise, drop_label=config.drop_label))
    return dl.Experiment(
        model=Diffusion(
            UNet(widths, len(dataset.classes)),
            mean=mean,
            std=std,
            prediction=config.prediction,
            schedule=config.schedule,
            noise_scale=noise_scale(config, shape),
        ),
        stages=[dl.Stage([turn], adam, config.steps, ema=0.999)],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        figures=figures,
        sheet=sheet,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
