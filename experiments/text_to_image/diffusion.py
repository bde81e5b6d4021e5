"""Diffusion: learn to remove noise, then make pictures of a class from noise alone, step by step.

    python -m experiments.text_to_image.diffusion
    python -m experiments.text_to_image.diffusion --dataset=glyphs --batch_size=32 --steps=6000 \\
        --learning_rate=2e-3 --width=16 --sampling_steps=20 --workdir=runs/glyphs

The denoising objective of Ho et al. 2020 with noise, v or x prediction over linear, cosine or log-normal noise
levels, sampled by DDPM, DDIM, Heun or DPM-Solver++, conditioned on the class, with classifier-free guidance (Ho &
Salimans 2021). The data set's judge (`deeplearn.judge`) measures the samples: the fraction that it assigns to the
requested class (`accuracy`), distances on its features, precision, recall. `bits_per_dim` is the variational bound
of Kingma et al. 2021 on all grey levels of the test images, the bits of their class counted. More rows, without
guidance: each sampler by evaluations of the denoiser. Baselines: other training images, test images, a Gaussian on
pixels. Points instead of images: `text_to_image.diffusion_points`.
"""

import dataclasses
from functools import partial
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.figures.grid import image_grid, image_rows
from deeplearn.figures.plots import curves
from deeplearn.judge import (
    judge,
    nearest_training,
    need_judge,
    reference_rows,
    sample_count,
    sample_quality,
    swept_quality,
)
from deeplearn.models.samplers import SAMPLERS
from deeplearn.text_to_image.class_diffusion import ClassDiffusionConfig, bits, class_samples
from deeplearn.text_to_image.sweeps import GUIDANCES, by_evaluations, evaluation_curves

IMAGES = 1000  # largest number of images that are sampled to be judged


@dataclasses.dataclass(frozen=True)
class Config(ClassDiffusionConfig):
    waves: int = 3
    sampler: str = dl.flag("heun", "the way from noise to data", choices=tuple(SAMPLERS))
    sampling_steps: int = dl.flag(40, "levels that the sampler visits", min=2)
    guidance: float = dl.flag(1.0, "how far samples are pushed towards their class (0: not at all)", min=0)

    # The budget of Ho et al. 2020 for CIFAR-10; their U-Net also has attention, and widths in ratios 1, 2, 2, 2.
    PAPER = {
        "dataset": "cifar10",
        "prediction": "noise",
        "schedule": "linear",
        "noise_scale": 1.0,
        "waves": 0,
        "sampler": "ddpm",
        "sampling_steps": 1000,
        "guidance": 0.0,
        "width": 128,
        "batch_size": 128,
        "learning_rate": 2e-4,
        "steps": 800_000,
    }
    TINY = {"width": 8, "sampling_steps": 3}


def samples(trained: dl.Trained, label: np.ndarray, dataset: Dataset, **way: Any) -> np.ndarray:
    """An image in [0, 1] of each requested class [n]: [n, H, W, C]. way: what replaces the flags."""
    config = trained.config
    flags = {"sampler": config.sampler, "steps": config.sampling_steps, "guidance": config.guidance}
    return class_samples(trained, label, dataset, **flags | way)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    label = dataset.test.arrays(sample_count(dataset, IMAGES))["label"]
    image = samples(trained, label, dataset)

    def draw(sampler: str, steps: int) -> np.ndarray:
        return samples(trained, label, dataset, sampler=sampler, steps=steps, guidance=0.0)

    swept = by_evaluations(draw, partial(swept_quality, dataset=dataset))
    quality = sample_quality(image, dataset, label) | bits(trained, dataset) | judge(dataset).metrics
    return dl.ours(quality, image=image[:16]) | swept


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

    def evaluations() -> Any:
        lines = evaluation_curves(report.rows, "frechet_distance")
        return curves(lines, "evaluations of the denoiser", "Fréchet distance", log_x=True, log_y=True)

    def guidance() -> Any:
        """What it wins and what it costs, by ten evaluations of DPM-Solver++."""
        label = report.dataset.test.arrays(sample_count(report.dataset, IMAGES))["label"]
        way = {"sampler": "dpm++", "steps": 10}
        made = [samples(report.trained, label, report.dataset, **way, guidance=scale) for scale in GUIDANCES]
        rows = [sample_quality(image, report.dataset, label) for image in made]
        metrics = "accuracy", "precision", "recall", "coverage"
        return curves({metric: (GUIDANCES, [row[metric] for row in rows]) for metric in metrics}, "guidance")

    pictures = {"samples": lambda: by_class(report.trained, report.dataset, columns=12), "nearest": nearest}
    return pictures | {"evaluations": evaluations, "guidance": guidance}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    need_judge(dataset)
    return dl.Experiment(
        model=config.model(dataset),
        stages=[config.stage()],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        figures=figures,
        sheet=sheet,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
