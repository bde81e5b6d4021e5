"""Denoising autoencoders: the input is corrupted, the target is clean; Gaussian, masking, salt-and-pepper.

    python -m experiments.autoencoders.denoising --replicas=5

Vincent et al. 2010. A network for each corruption, which is drawn anew at every step; each is tested on all three
(`mse_gaussian`, `mse_masking`, `mse_salt_and_pepper`, squared errors per pixel), and the run's own row is that of
the network trained on Gaussian noise. Baselines on the same corruption, their sizes chosen on the validation split:
projection on principal components, ridge regression from the noisy image's principal components to the clean image,
and non-local means, without learning.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.denoisers import denoisers, mse
from deeplearn.data import Dataset
from deeplearn.figures.grid import image_rows
from deeplearn.figures.plots import heat_map
from deeplearn.models.autoencoder import Autoencoder, reconstruct
from deeplearn.nn.corruption import gaussian, masking, salt_and_pepper
from deeplearn.nn.functional import flat

CORRUPTIONS: dict[str, Callable[..., jax.Array]] = {
    "gaussian": gaussian,
    "masking": masking,
    "salt_and_pepper": salt_and_pepper,
}
ROWS = {"gaussian": dl.OURS, "masking": "trained on masking", "salt_and_pepper": "trained on salt and pepper"}
SHOWN = 12


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 3000
    hidden: tuple[int, ...] = dl.flag((256, 128), "widths of the encoder's layers, the last the code", min=1)
    gaussian: float = dl.flag(0.25, "standard deviation of the Gaussian noise", min=0)
    masking: float = dl.flag(0.3, "fraction of pixels that are set to 0", min=0, max=1)
    salt_and_pepper: float = dl.flag(0.15, "fraction of pixels that are set to 0 or 1", min=0, max=1)
    learning_rate: float = 1e-3

    PAPER = {"dataset": "mnist", "hidden": (2000, 1000), "steps": 100_000}
    TINY = {"hidden": (8, 4)}


def squared_error(autoencoder: Autoencoder, batch: dl.Batch, corruption: str, amount: float) -> dl.Metrics:
    x = flat(batch["image"])
    corrupted = CORRUPTIONS[corruption](autoencoder.make_rng("noise"), x, amount)
    return {"mse": jnp.square(reconstruct(autoencoder, corrupted) - x).mean()}


def denoise(autoencoder: Autoencoder, batch: dl.Batch, corruption: str, amount: float) -> dl.Losses:
    metrics = squared_error(autoencoder, batch, corruption, amount)
    return metrics["mse"], metrics


def corruptions(config: Config) -> dict[str, Callable[[np.ndarray, int], np.ndarray]]:
    """{name: function (images [N, ...], seed) -> corrupted images}, for all methods that are compared."""

    def corrupt(name: str) -> Callable[[np.ndarray, int], np.ndarray]:
        amount = getattr(config, name)
        return lambda images, seed: np.asarray(CORRUPTIONS[name](jax.random.key(seed), images, amount))

    return {name: corrupt(name) for name in CORRUPTIONS}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    x = flat(dataset.test.arrays()["image"])
    outputs = {
        name: np.asarray(trained(reconstruct, worse(x, 0))) for name, worse in corruptions(trained.config).items()
    }
    metrics = {f"mse_{name}": mse(output, x) for name, output in outputs.items()}
    return dl.ours(metrics, **{name: output[:SHOWN] for name, output in outputs.items()})


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return denoisers(dataset, corruptions(trained.config))


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    images = dataset.test.arrays(16)["image"]
    rows = {"clean": images}
    for name, worse in corruptions(trained.config).items():
        noisy = worse(flat(images), 0)
        rows[name.replace("_", " ")] = noisy
        rows[f"{name.replace('_', ' ')}, denoised"] = np.asarray(trained[name](reconstruct, noisy))
    return image_rows(rows, images.shape[1:])


def figures(report: dl.Report) -> dict[str, Any]:
    names = [name.replace("_", " ") for name in CORRUPTIONS]

    def denoised() -> Any:
        images = report.dataset.test.arrays(SHOWN)["image"]
        rows = {"clean": images}
        for name in CORRUPTIONS:
            title = name.replace("_", " ")
            rows[title] = report.rows["noisy image"].arrays[name][:SHOWN]
            rows[f"{title}, denoised"] = report.rows[ROWS[name]].arrays[name]
            rows[f"{title}, PCA + ridge"] = report.rows["PCA + ridge"].arrays[name][:SHOWN]
        return image_rows(rows, images.shape[1:])

    def across() -> Any:
        errors = [[report.rows[row].metrics[f"mse_{name}"] for name in CORRUPTIONS] for row in ROWS.values()]
        return heat_map(np.array(errors), names, names, "tested on", "trained on", "Squared error per pixel", ".4f")

    return {"denoised": denoised, "across": across}


CLAIMS = [
    dl.Claim(
        f"{name.replace('_', ' ')}: the network's error is below ridge regression's",
        row,
        "PCA + ridge",
        f"-mse_{name}",
    )
    for name, row in ROWS.items()
]


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_images("this experiment denoises images")

    def rival(name: str) -> dl.Rival:
        amount = {"corruption": name, "amount": getattr(config, name)}
        return dl.Rival(
            Autoencoder(dataset.pixels, config.hidden),
            [dl.Stage([dl.Turn(partial(denoise, **amount))], config.chain(), config.steps, ema=0.999)],
            evaluate,
            partial(squared_error, **amount),
            facts=amount,
            row=ROWS[name],
        )

    rivals = {name: rival(name) for name in CORRUPTIONS}
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, sheet=sheet, claims=CLAIMS)


if __name__ == "__main__":
    dl.launch(Config, build)
