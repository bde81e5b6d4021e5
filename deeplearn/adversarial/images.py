"""What every game over images measures, compares and draws."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial.vae import vae_draws
from deeplearn.baselines.classical import LIMIT
from deeplearn.baselines.pixel_mixture import mixture_draws
from deeplearn.data import Dataset
from deeplearn.figures.grid import image_grid, image_rows
from deeplearn.judge import judge, nearest_training, reference_rows, sample_count, sample_quality

MIXTURE, VAE = "Gaussian mixture on pixels", "VAE of the generator's size"
SHOWN = 100  # images kept for figures

Sample = Callable[..., jax.Array]


def leaky_relu(x: jax.Array) -> jax.Array:
    """Of slope .2 below zero, as discriminators have it (Radford et al. 2015)."""
    return nn.leaky_relu(x, 0.2)


def evaluation(sample: Sample) -> Callable[[dl.Trained, Dataset], dl.Rows]:
    """The `evaluate` of an experiment, or of a rival, whose samples the data set's judge measures."""

    def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
        image = np.asarray(trained(sample, count=sample_count(dataset)))
        return dl.ours(sample_quality(image, dataset) | judge(dataset).metrics, image=image[:SHOWN])

    return evaluate


def declared(sample: Sample, walk: Sample | None = None, rival: str = "") -> dict[str, Any]:
    """Fields of a `dl.Experiment` that generates images without being asked for any.

    sample(model, count=count) -> images [count, height, width, channels] in [0, 1]. They are measured by the data
    set's judge; call `need_judge(dataset)` in `build`.
    walk(model, stops=stops, between=between) -> images [stops · between, ...] of a walk through the noise, if any.
    rival: the page's own among systems that are trained side by side; each of these has its own `evaluation`.
    """

    def own(trained: dl.Trained) -> dl.Trained:
        return trained[rival] if rival else trained

    def images(trained: dl.Trained, dataset: Dataset, count: int) -> np.ndarray:
        return np.asarray(own(trained)(sample, count=count))

    def walked(trained: dl.Trained, dataset: Dataset, stops: int, between: int) -> np.ndarray:
        assert walk is not None
        return np.asarray(own(trained)(walk, stops=stops, between=between))

    def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
        count = sample_count(dataset)

        def mixture() -> dl.Measured:
            train, validation = (split.arrays(LIMIT)["image"] for split in (dataset.train, dataset.validation))
            draws, components = mixture_draws(train, validation, count)
            return judged(np.clip(draws, 0, 1, out=draws), components=components)

        def vae() -> dl.Measured:
            size, config = weights(own(trained)), trained.config
            return judged(vae_draws(dataset, count, size, config.steps, config.seed), weights=size)

        def judged(image: np.ndarray, **facts: float) -> dl.Measured:
            return dl.Measured(sample_quality(image, dataset) | facts, {"image": image[:SHOWN]})

        return reference_rows(dataset, count) | {MIXTURE: mixture, VAE: vae}

    def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
        return image_grid(images(trained, dataset, SHOWN), columns=10)

    def figures(report: dl.Report) -> dict[str, Any]:
        image = report.ours.arrays["image"]

        def nearest() -> Any:
            made = image[:16]
            rows = {"sample": made, "nearest training image": nearest_training(made, report.dataset)}
            return image_rows(rows, report.dataset.image_shape)

        def of(row: str) -> Any:
            return image_grid(report.rows[row].arrays["image"], columns=10)

        others = {"data": "other training images", "mixture": MIXTURE, "vae": VAE}
        return {
            "samples": lambda: image_grid(image, columns=10),
            "nearest": nearest,
            **{name: partial(of, row) for name, row in others.items()},
        }

    claims = [
        dl.Claim(f"closer to the data than a {row}", dl.OURS, row, "-frechet_distance") for row in (MIXTURE, VAE)
    ]
    return {
        **({} if rival else {"evaluate": evaluation(sample)}),
        "baselines": baselines,
        "claims": claims,
        "sheet": sheet,
        "figures": figures,
        "images": images,
        "walk": walked if walk else None,
    }


def weights(trained: dl.Trained) -> int:
    """Of all that makes images from noise."""
    others = ("discriminator", "encoder")
    makers = {name: tree for name, tree in trained.variables["params"].items() if name not in others}
    return sum(leaf.size for leaf in jax.tree.leaves(makers))
