"""Diffusion of images by their class: flags, the system and its stage, samples, and the bits of the test images."""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.losses.diffusion import diffusion_loss, drop_labels
from deeplearn.losses.variational_bound import diffusion_bound
from deeplearn.metrics.bounds import bits_per_dim
from deeplearn.models.denoiser import GROUPS, UNet, resolutions
from deeplearn.models.diffusion import Diffusion, diffusion_samples
from deeplearn.nn.noise import PREDICTIONS, SCHEDULES
from deeplearn.optim.schedules import warm_adam

DRAWS = 32  # noise levels of each test image at which its bits are estimated
ESTIMATED = 1000  # test images at most


@dataclasses.dataclass(frozen=True)
class ClassDiffusionConfig(dl.Config):
    """Flags of what is trained; a page adds those of its use."""

    steps: int = 1500
    batch_size: int = 64
    prediction: str = dl.flag("v", "what the network predicts", choices=PREDICTIONS)
    schedule: str = dl.flag("lognormal", "the noise levels", choices=SCHEDULES)
    noise_scale: float = dl.flag(0.0, "factor of all noise levels (0: side / 8 if log-normal, else 1)", min=0)
    drop_label: float = dl.flag(0.1, "fraction of training labels left out, for guidance", min=0, max=1)
    width: int = dl.flag(32, "channels of the U-Net at full resolution; eight divides them", min=GROUPS)
    waves: int = dl.flag(0, "sines and cosines by which the U-Net knows the images' grey levels", min=0)
    learning_rate: float = dl.flag(1e-3, "Adam's rate after 200 steps of warm-up; falls to 0 along a cosine", min=0)

    def scale(self, shape: tuple[int, int, int]) -> float:
        """Of the noise levels for images [H, W, C]. Linear and cosine levels are large enough as published."""
        return self.noise_scale or (max(shape[:2]) / 8 if self.schedule == "lognormal" else 1.0)

    def model(self, dataset: Dataset) -> Diffusion:
        if self.width % GROUPS:
            raise UserError(f"--width={self.width} should be a multiple of {GROUPS}, the groups of group norm")
        height, width, _ = shape = dataset.image_shape
        widths = tuple(self.width * min(2**level, 4) for level in range(resolutions(height, width)))
        mean, std = dataset.moments("image")
        # Of lengths of one level, two, four …; images that have no levels have none to know.
        one = 2 * math.pi * std * (dataset.levels - 1) if dataset.levels else 0.0
        waves = tuple(one / 2**wave for wave in range(self.waves if one else 0))
        denoiser = UNet(widths, len(dataset.classes), waves)
        return Diffusion(denoiser, mean, std, self.prediction, self.schedule, self.scale(shape))

    def stage(self) -> dl.Stage:
        adam = warm_adam(self.learning_rate, self.steps, 200)
        turn = dl.Turn(partial(denoise, drop_label=self.drop_label))
        return dl.Stage([turn], adam, self.steps, ema=0.999)


def denoise(model: Diffusion, batch: dl.Batch, drop_label: float) -> dl.Losses:
    """The denoising loss of images of a class, or of images that have none."""
    label, classes = batch.get("label", jnp.zeros(len(batch["image"]), int)), model.denoiser.classes
    return diffusion_loss(
        model, batch["image"], drop_labels(label, model.make_rng("noise"), drop_label, classes)
    ), {}


def no_class(count: int, dataset: Dataset) -> np.ndarray:
    """The label [count] that says nothing."""
    return np.full(count, len(dataset.classes), np.int32)


def class_samples(trained: dl.Trained, label: np.ndarray, dataset: Dataset, **way: Any) -> np.ndarray:
    """An image in [0, 1] of each class [n]: [n, H, W, C]. way: keywords of `diffusion_samples`."""
    free = no_class(len(label), dataset)
    return np.clip(diffusion_samples(trained, (label,), dataset.image_shape, free=(free,), **way), 0, 1)


def nats(model: Diffusion, batch: dl.Batch, levels: int) -> dl.Metrics:
    parts = diffusion_bound(model, batch["image"], levels, batch["label"])
    return {name: part.mean() for name, part in parts.items()}


def bits(trained: dl.Trained, dataset: Dataset) -> dict[str, float]:
    """Bits a pixel of the test images, where they have grey levels: of all, and of those given their class.

    log p(x) ≥ log p(x, class), so the first has the bits of a class, one of as many as there are, on top.
    """
    if dataset.levels is None:
        return {}
    test, bound = dataset.test.arrays(ESTIMATED), partial(nats, levels=dataset.levels)
    given = float(np.mean([trained.folded(draw).mean(bound, test)["nats"] for draw in range(DRAWS)]))
    totals = {"bits_per_dim": given + np.log(len(dataset.classes)), "bits_per_dim_given_class": given}
    return {name: bits_per_dim(total, dataset.pixels) for name, total in totals.items()}
