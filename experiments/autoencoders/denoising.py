"""Denoising autoencoders: the input is corrupted, the target is clean; Gaussian, masking, salt-and-pepper.

    python -m experiments.autoencoders.denoising --replicas=5

Vincent et al. 2010. A network for each corruption, which is drawn afresh at every step. Baselines on the same
corruption, their sizes chosen on the validation split: projection on principal components, ridge regression from
the noisy image's principal components to the clean image, and non-local means, which learns nothing.

Measured, five seeds, 113 s on one core, squared errors (standard errors below .0001): .0131 under Gaussian noise,
.0174 under masking, .0164 under salt-and-pepper; PCA with ridge .0193, .0274, .0219; PCA .0272, .0416, .0274;
non-local means .0332, .0696, .0461; the noisy image itself .0628, .0697, .0646.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.baselines.nonlocal_means import nonlocal_means
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import heat_map
from deeplearn.models.autoencoder import Autoencoder
from deeplearn.nn.corruption import gaussian, masking, salt_and_pepper
from deeplearn.nn.functional import flat
from deeplearn.train import Batch, Experiment, Metrics, Rivals, Stage, Trained, flag, launch, rival_turns
from deeplearn.train import Config as BaseConfig

CORRUPTIONS = {"gaussian": gaussian, "masking": masking, "salt_and_pepper": salt_and_pepper}
COPIES = 8  # noisy copies of each training image that a baseline is fitted to
STRENGTHS = (0.1, 0.2, 0.3, 0.5, 0.8)  # of non-local means


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 3000
    hidden: tuple[int, ...] = flag((256, 128), "widths of the encoder's layers, the last the code")
    gaussian: float = flag(0.25, "deviation of the Gaussian noise", min=0)
    masking: float = flag(0.3, "share of pixels that are set to 0", min=0, max=1)
    salt_and_pepper: float = flag(0.15, "share of pixels that are set to 0 or 1", min=0, max=1)
    learning_rate: float = flag(1e-3, "Adam's rate at the start; falls to 0 along a cosine", min=0)

    PAPER: ClassVar[dict[str, Any]] = {"dataset": "mnist", "hidden": (2000, 1000), "steps": 100_000}
    TINY: ClassVar[dict[str, Any]] = {"hidden": (8, 4)}

    def amount(self, corruption: str) -> float:
        return getattr(self, corruption)


def clean(model: Rivals, x: jax.Array, network: str) -> jax.Array:
    """What the network makes of x, [B, pixels] in (0, 1)."""
    _, logits = model[network](x)
    return jax.nn.sigmoid(logits.astype(jnp.float32))


def denoising_loss(model: Rivals, batch: Batch, network: str, config: Config) -> tuple[jax.Array, Metrics]:
    x = flat(batch["image"])
    corrupted = CORRUPTIONS[network](model.make_rng("noise"), x, config.amount(network))
    error = jnp.square(clean(model, corrupted, network) - x).mean()
    return error, {"mse": error}


def validate(model: Rivals, batch: Batch, config: Config) -> Metrics:
    return {f"mse_{name}": denoising_loss(model, batch, name, config)[1]["mse"] for name in CORRUPTIONS}


def corrupted(images: np.ndarray, corruption: str, config: Config, seed: int) -> np.ndarray:
    """Images [N, ...] made worse; the same for all methods that are compared."""
    return np.asarray(CORRUPTIONS[corruption](jax.random.key(seed), images, config.amount(corruption)))


def mse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.square(a - b).mean())


def evaluate(trained: Trained, dataset: Dataset, config: Config) -> dict[str, float]:
    x = np.asarray(flat(dataset.test.arrays()["image"]))
    return {
        f"mse_{name}": mse(np.asarray(trained(clean, corrupted(x, name, config, 0), network=name)), x)
        for name in CORRUPTIONS
    }


def baselines(trained: Trained, dataset: Dataset, config: Config) -> dict[str, Any]:
    rows: dict[str, dict[str, float]] = {}
    for name in CORRUPTIONS:
        for method, error in classical(dataset, name, config).items():
            rows.setdefault(method, {})[f"mse_{name}"] = error
    return rows


def classical(dataset: Dataset, corruption: str, config: Config) -> dict[str, float]:
    """Test mse of each method that is no network, its settings chosen on the validation split."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge

    train = dataset.train.arrays(10_000)["image"]
    validation, test = dataset.validation.arrays(500)["image"], dataset.test.arrays()["image"]
    noisy = [corrupted(images, corruption, config, seed) for seed, images in ((0, test), (1, validation))]
    x_train, x_test, x_validation, noisy_test, noisy_validation = (
        images.reshape(len(images), -1) for images in (train, test, validation, *noisy)
    )
    copies = np.concatenate([corrupted(x_train, corruption, config, seed) for seed in range(2, 2 + COPIES)])
    most = min(copies.shape[1], len(x_train))
    sizes = sorted({min(size, most) for size in (4, 8, 12, 16, 24, 32, 48, 64, 128, 256)})
    # Components and means of the clean images, the codes of noisy ones in them.
    pca = PCA(max(sizes), random_state=0).fit(x_train)
    codes, test_codes, validation_codes = (pca.transform(x) for x in (copies, noisy_test, noisy_validation))

    def projected(codes: np.ndarray, size: int) -> np.ndarray:
        return codes[:, :size] @ pca.components_[:size] + pca.mean_

    best = min(sizes, key=lambda size: mse(projected(validation_codes, size), x_validation))
    targets = np.tile(x_train, (COPIES, 1))
    ridges = [(size, Ridge(alpha).fit(codes[:, :size], targets)) for size in sizes for alpha in (1.0, 30.0, 1000.0)]
    size, ridge = min(ridges, key=lambda pair: mse(pair[1].predict(validation_codes[:, : pair[0]]), x_validation))
    strength = min(STRENGTHS, key=lambda h: mse(nonlocal_means(noisy[1], h), validation))
    return {
        "noisy image": mse(noisy_test, x_test),
        "PCA": mse(projected(test_codes, best), x_test),
        "PCA + ridge": mse(ridge.predict(test_codes[:, :size]), x_test),
        "non-local means": mse(nonlocal_means(noisy[0], strength), test),
    }


def draw(trained: Trained, dataset: Dataset, config: Config) -> dict[str, Any]:
    images = dataset.test.arrays(2000)["image"]
    x, shape = np.asarray(flat(images)), images.shape[1:]
    rows, labels = [images[:12]], ["clean"]
    errors = np.empty((len(CORRUPTIONS), len(CORRUPTIONS)))
    for column, name in enumerate(CORRUPTIONS):
        noisy = corrupted(x, name, config, 0)
        for row, network in enumerate(CORRUPTIONS):
            errors[row, column] = mse(np.asarray(trained(clean, noisy, network=network)), x)
        for label, image in ((name, noisy), ("denoised", np.asarray(trained(clean, noisy, network=name)))):
            rows.append(image[:12].reshape(-1, *shape))
            labels.append(label.replace("_", " "))
    names = [name.replace("_", " ") for name in CORRUPTIONS]
    return {
        "denoised": image_grid(np.stack(rows), row_labels=labels),
        "across": heat_map(errors, names, names, "tested on", "trained on", "Squared error per pixel", ".4f"),
    }


def build(config: Config, dataset: Dataset) -> Experiment:
    if "image" not in dataset.train.spec:
        raise UserError(f"--dataset={config.dataset} has no images: this experiment denoises images")
    pixels = math.prod(dataset.train.spec["image"].shape)
    make = functools.partial(Autoencoder, pixels, config.hidden)
    rate = optax.cosine_decay_schedule(config.learning_rate, config.steps)
    turns = rival_turns(functools.partial(denoising_loss, config=config), CORRUPTIONS)
    return Experiment(
        model=Rivals(dict.fromkeys(CORRUPTIONS, make)),
        stages=[Stage(turns, optax.adam(rate), config.steps, ema=0.999)],
        data=dataset,
        evaluate=functools.partial(evaluate, config=config),
        validate=functools.partial(validate, config=config),
        baselines=functools.partial(baselines, config=config),
        figures=functools.partial(draw, config=config),
        dense=True,
        watch=tuple(f"mse_{name}" for name in CORRUPTIONS),
    )


if __name__ == "__main__":
    launch(Config, build)
