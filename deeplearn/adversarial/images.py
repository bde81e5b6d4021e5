"""What every game over images measures, compares and draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.figures.grid import image_grid, image_rows
from deeplearn.judge import judge, nearest_training, reference_rows, sample_count, sample_quality


def leaky_relu(x: jax.Array) -> jax.Array:
    """Of slope .2 below zero, as discriminators have it (Radford et al. 2015)."""
    return nn.leaky_relu(x, 0.2)


def declared(sample: Callable[..., jax.Array]) -> dict[str, Any]:
    """Fields of a `dl.Experiment` that generates images without being asked for any.

    sample(model, count=count) -> images [count, height, width, channels] in [0, 1]. They are measured by the data
    set's judge; call `need_judge(dataset)` in `build`.
    """

    def images(trained: dl.Trained, count: int) -> np.ndarray:
        return np.asarray(trained(sample, count=count))

    def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
        image = images(trained, sample_count(dataset))
        return dl.ours(sample_quality(image, dataset) | judge(dataset).metrics, image=image[:100])

    def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
        return reference_rows(dataset, sample_count(dataset))

    def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
        return image_grid(images(trained, 100), columns=10)

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

    return {"evaluate": evaluate, "baselines": baselines, "sheet": sheet, "figures": figures, "images": images}
