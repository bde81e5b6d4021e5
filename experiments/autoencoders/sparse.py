"""A sparse autoencoder: reconstruction + β Σⱼ KL(ρ ‖ ρ̂ⱼ), against a plain one with the same budget.

    python -m experiments.autoencoders.sparse --replicas=5

Ng's CS294A notes: sigmoid units, ½‖x̂ − x‖², each unit's mean activation ρ̂ over a large batch is pulled to ρ =
.05. There are more units than pixels, so nothing but the penalty keeps them from copying. The decoder's weights are
the encoder's, transposed. Measured on test images: the squared error, the mean activation, the fraction of units
that are on, and the accuracy of a linear probe on the code with all labels and with 10 per class. The plain
autoencoder, the same network with β = 0, is the baseline, with PCA and raw pixels.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.pca import pca, raw_pixels
from deeplearn.baselines.probe import probes
from deeplearn.data import Dataset
from deeplearn.figures.contrast import stretched
from deeplearn.figures.grid import image_grid, image_rows
from deeplearn.figures.plots import curves
from deeplearn.losses.sparsity import sparsity_penalty
from deeplearn.models.autoencoder import decode, encode, reconstruct
from deeplearn.nn.functional import flat
from deeplearn.nn.tied import TiedAutoencoder

FEW = 10  # labels per class of the few-label probe
EDGES = np.linspace(0, 1, 26)  # of the histogram of activations
PLAIN = "plain autoencoder"
ROWS = {"sparse": dl.OURS, "plain": PLAIN}


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 3000
    batch_size: int = 256
    hidden: int = dl.flag(128, "sigmoid units of the code", min=1)
    target: float = dl.flag(0.05, "ρ, the mean activation that is wanted of each unit", min=1e-4, max=0.9999)
    sparsity: float = dl.flag(3.0, "weight β of the penalty", min=0)

    PAPER = {"dataset": "mnist", "hidden": 196, "steps": 50_000}
    TINY = {"hidden": 8}


def half_squared_error(image: jax.Array, x: jax.Array) -> jax.Array:
    return 0.5 * jnp.square(image - x).sum(-1).mean()


def plain(autoencoder: TiedAutoencoder, batch: dl.Batch) -> dl.Losses:
    x = flat(batch["image"])
    error = half_squared_error(reconstruct(autoencoder, x), x)
    return error, {"reconstruction": error}


def sparse(autoencoder: TiedAutoencoder, batch: dl.Batch, weight: float, target: float) -> dl.Losses:
    x = flat(batch["image"])
    code = encode(autoencoder, x)
    error, penalty = half_squared_error(decode(autoencoder, code), x), sparsity_penalty(code, target)
    metrics = {"reconstruction": error, "penalty": penalty, "mean_activation": code.mean()}
    return error + weight * penalty, metrics


def accuracies(encode: Callable[[np.ndarray], Any], dataset: Dataset) -> dict[str, float]:
    """Of a linear probe on codes, fitted to all training labels and to a few of each class."""
    found = probes(encode, dataset, FEW)
    return {"probe_accuracy": found["probe"], "few_label_accuracy": found["few_label_probe"]}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    x = flat(dataset.test.arrays()["image"])
    code = np.asarray(trained(encode, x))
    metrics = {
        "mse": float(np.square(np.asarray(trained(decode, code)) - x).mean()),
        "mean_activation": float(code.mean()),
        "units_on": float((code > 0.5).mean()),  # fraction of (unit, image) pairs
        **accuracies(lambda x: trained(encode, x), dataset),
    }
    filters = np.asarray(trained.variables["params"]["kernel_0"]).T[:64]  # one row per hidden unit
    return dl.ours(metrics, activations=np.histogram(code, EDGES)[0] / code.size, filters=filters)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    def measure(encode: Any, _: Any) -> dict[str, float]:
        return accuracies(encode, dataset)

    return {**pca(dataset, 32, measure), **raw_pixels(measure)}


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    images = dataset.test.arrays(16)["image"]
    rows = {name: trained[name](reconstruct, flat(images)) for name in trained.rivals}
    return image_rows({"test": images, **rows}, images.shape[1:])


def figures(report: dl.Report) -> dict[str, Any]:
    middles = (EDGES[1:] + EDGES[:-1]) / 2

    def activations() -> Any:
        # A bin that no activation falls into has no logarithm.
        lines = {n: (middles, np.maximum(report.rows[row].arrays["activations"], 1e-7)) for n, row in ROWS.items()}
        return curves(lines, "activation of a unit", "fraction of units and images", log_y=True)

    def filters(row: str) -> Any:
        kernels = stretched(report.rows[row].arrays["filters"])
        return image_grid(kernels.reshape(-1, *report.dataset.image_shape), columns=16)

    return {
        "activations": activations,
        "filters_sparse": lambda: filters(dl.OURS),
        "filters_plain": lambda: filters(PLAIN),
        "reconstructions": lambda: sheet(report.trained, report.dataset),
    }


CLAIMS = (
    dl.Claim("sparse codes are read better with all labels", dl.OURS, PLAIN, "probe_accuracy"),
    dl.Claim("sparse codes are read better with few labels", dl.OURS, PLAIN, "few_label_accuracy"),
)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("the probe needs them")
    losses: dict[str, Any] = {
        "sparse": partial(sparse, weight=config.sparsity, target=config.target),
        "plain": plain,
    }
    network = TiedAutoencoder(dataset.pixels, (config.hidden,))
    rivals = {
        name: dl.Rival(network, [dl.Stage([dl.Turn(loss)], config.chain(), config.steps)], evaluate, row=ROWS[name])
        for name, loss in losses.items()
    }
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, sheet=sheet, claims=CLAIMS)


if __name__ == "__main__":
    dl.launch(Config, build)
