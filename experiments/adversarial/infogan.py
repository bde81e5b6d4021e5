"""InfoGAN: parts of the noise that can be read off an image come to mean something, without any label.

    python -m experiments.adversarial.infogan
    python -m experiments.adversarial.infogan --dataset=digits --classes= --workdir=runs/digits

Chen et al. 2016. The noise has a category and continuous codes c beside the rest z, and a second head of the
discriminator, Q(c|x), guesses them. −log Q(c|G(z, c)) bounds −I(c; G(z, c)) + H(c) from above (equation 5), so both
networks lower it, λ times, in a turn of their own. Measured by what Q says of test images: `purity`, the fraction
whose category is their class's (each category's class is its most frequent one on training images), and the
correlation of the continuous codes with known factors of the data, of the code that has the largest one on
validation. Baselines: k-means with as many clusters; principal components.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.networks import ImageConfig
from deeplearn.adversarial.watch import ALARMS
from deeplearn.data import Dataset
from deeplearn.data.classes import with_classes
from deeplearn.figures.grid import image_grid
from deeplearn.measured import Measured
from deeplearn.metrics.codes import class_of_code, correlations
from deeplearn.models.conditional import InfoCritic

FACTORS = ("slant", "scale", "weight", "shift_x", "shift_y")  # that a data set may know of its images
COMPONENTS = 10  # principal components among which the baseline's best is chosen


@dataclasses.dataclass(frozen=True)
class Config(ImageConfig):
    classes: tuple[str, ...] = dl.flag(tuple("0123456789"), "classes to learn from (empty: all)")
    steps: int = 8000
    categories: int = dl.flag(10, "values of the categorical code", min=2)
    codes: int = dl.flag(2, "continuous codes, uniform between −1 and 1", min=0)
    latents: int = dl.flag(30, "dimensions of the rest of the noise", min=1)
    information: float = dl.flag(1.0, "λ of the categorical code", min=0)
    continuous: float = dl.flag(0.2, "λ of the continuous codes", min=0)
    learning_rate: float = 1e-3
    beta1: float = 0.0
    beta2: float = 0.99
    r1: float = 1.0
    minibatch_stddev: bool = True
    ema: float = 0.99

    # Table 1 of the paper, as released, for MNIST.
    PAPER = {
        "dataset": "mnist",
        "classes": (),
        "latents": 62,
        "continuous": 1.0,
        "network": "convolutional",
        "width": 64,
        "discriminator_rate": 2e-4,
        "beta1": 0.5,
        "beta2": 0.999,
        "r1": 0.0,
        "minibatch_stddev": False,
        "ema": 0.0,
        "batch_size": 128,
        "steps": 50_000,
    }
    TINY = {"dataset": "digits", "classes": (), "width": 4, "latents": 4, "categories": 3}


class InfoGAN(nn.Module):
    """generator: (z beside the codes, train) -> images in [0, 1]; discriminator: images -> (logits, guesses)."""

    generator: nn.Module
    discriminator: Discriminator
    latents: int
    categories: int
    codes: int

    def make(self, category: jax.Array, codes: jax.Array, train: bool = False) -> jax.Array:
        """category int32 [B], codes [B, codes] -> images [B, H, W, C]."""
        z = jax.random.normal(self.make_rng("noise"), (len(category), self.latents))
        noise = jnp.concatenate([z, jax.nn.one_hot(category, self.categories), codes], axis=-1)
        image: jax.Array = self.generator(noise, train)  # type: ignore[operator]
        return image.astype(jnp.float32)

    def drawn(self, count: int) -> tuple[jax.Array, jax.Array]:
        """A category and codes for each of `count` images."""
        which, where = jax.random.split(self.make_rng("noise"))
        category = jax.random.randint(which, (count,), 0, self.categories)
        return category, jax.random.uniform(where, (count, self.codes), minval=-1.0)

    def real(self, batch: dl.Batch) -> jax.Array:
        return batch["image"]

    def fake(self, batch: dl.Batch, train: bool = False) -> jax.Array:
        return self.make(*self.drawn(len(batch["image"])), train)


def guess(model: InfoGAN, batch: dl.Batch, information: float, continuous: float) -> dl.Losses:
    """How badly Q reads the codes off: −log Q(category) and squared errors of the others (equation 5)."""
    category, codes = model.drawn(len(batch["image"]))
    _, guesses = model.discriminator(model.make(category, codes, train=True), train=True)
    logits, means = jnp.split(guesses.astype(jnp.float32), [model.categories], axis=-1)
    missed = optax.softmax_cross_entropy_with_integer_labels(logits, category).mean()
    error = jnp.square(means - codes).sum(-1).mean()
    return information * missed + continuous * error, {"category_nll": missed, "code_error": error}


def read(model: InfoGAN, batch: dl.Batch) -> tuple[jax.Array, jax.Array]:
    """What Q says of images: the category [B] and the means of the codes [B, codes]."""
    _, guesses = model.discriminator(batch["image"])
    logits, means = jnp.split(guesses, [model.categories], axis=-1)
    return logits.argmax(-1), means


def measured(
    dataset: Dataset, categories: int, seen: Callable[[dl.Batch], tuple[np.ndarray, np.ndarray]]
) -> Measured:
    """seen(columns of a split) -> (category [N], codes [N, any number])."""
    train, validation, test = (getattr(dataset, name).arrays() for name in ("train", "validation", "test"))
    known = class_of_code(seen(train)[0], train["label"], categories, len(dataset.classes))
    category, codes = seen(test)
    metrics = {"purity": float((known[category] == test["label"]).mean())}
    if codes.shape[1]:
        chosen = seen(validation)[1]
        for factor in (name for name in FACTORS if name in test):
            best = correlations(chosen, validation[factor]).argmax()
            metrics[f"correlation_{factor}"] = float(correlations(codes, test[factor])[best])
    return Measured(metrics)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    return {dl.OURS: measured(dataset, trained.config.categories, partial(trained.over, read))}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    """Clusters and components of the training images' pixels."""

    def clusters() -> Measured:
        from sklearn.cluster import KMeans
        from sklearn.decomposition import PCA

        pixels = dataset.train.arrays()["image"].reshape(len(dataset.train), -1)
        pca = PCA(min(COMPONENTS, *pixels.shape), random_state=0).fit(pixels)
        means = KMeans(trained.config.categories, n_init=10, random_state=0).fit(pixels)

        def seen(columns: dl.Batch) -> tuple[np.ndarray, np.ndarray]:
            flat = columns["image"].reshape(len(columns["image"]), -1)
            return means.predict(flat), pca.transform(flat)

        return measured(dataset, trained.config.categories, seen)

    return {"k-means, principal components": clusters}


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    """A category a row; along it the first code grows from −1 to 1, the rest of the noise changes."""
    config, columns = trained.config, 12
    category = np.repeat(np.arange(min(config.categories, 12), dtype=np.int32), columns)
    codes = np.zeros((len(category), config.codes), np.float32)
    codes[:, :1] = np.tile(np.linspace(-1, 1, columns, dtype=np.float32), len(category) // columns)[:, None]
    return image_grid(np.asarray(trained(InfoGAN.make, category, codes)), columns=columns)


def figures(report: dl.Report) -> dict[str, Any]:
    def varied(code: int) -> Any:
        """One code from −1 to 1, all else equal in a row; a row for each category."""
        config, columns = report.config, 11
        values = np.linspace(-1, 1, columns, dtype=np.float32)
        images = []
        for value in values:  # the same random numbers each time
            codes = np.zeros((config.categories, config.codes), np.float32)
            codes[:, code] = value
            images.append(
                np.asarray(report.trained(InfoGAN.make, np.arange(config.categories, dtype=np.int32), codes))
            )
        return image_grid(np.stack(images, axis=1))

    drawn = {f"code_{number}": partial(varied, number) for number in range(report.config.codes)}
    return {"categories": lambda: sheet(report.trained, report.dataset), **drawn}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_classes("codes are compared with classes")
    config.need_singles("Q reads the codes of one")
    generator, trunk = config.networks(dataset, head=False)
    critic = InfoCritic(trunk, config.categories + config.codes)
    model = InfoGAN(
        generator,
        config.discriminator(critic),
        config.latents,
        config.categories,
        config.codes,
    )
    read_off = partial(guess, information=config.information, continuous=config.continuous)
    stage = config.stage(more=1)
    turns = [*stage.turns, dl.Turn(read_off, trains=("generator", "discriminator"))]
    return dl.Experiment(
        model=model,
        stages=[dataclasses.replace(stage, turns=turns)],
        data=with_classes(dataset, config.classes),
        evaluate=evaluate,
        baselines=baselines,
        figures=figures,
        sheet=sheet,
        alarms=ALARMS,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
