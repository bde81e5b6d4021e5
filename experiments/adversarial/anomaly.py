"""Anomalies by a GAN: what generator and encoder, trained on normal images, cannot draw again is none of them.

    python -m experiments.adversarial.anomaly --replicas=5
    python -m experiments.adversarial.anomaly --dataset=glyphs --anomalies=A,E,O --steps=6000 --workdir=runs/letters

The bidirectional GAN of Donahue et al. 2017: the discriminator is shown pairs, (x, E(x)) of data and (G(z), z) of
the generator, so that at the optimum the encoder E inverts the generator. As in the efficient AnoGAN of Zenati et
al. 2018 an image's score is the squared error of G(E(x)), plus `--features` times that of the discriminator's
hidden layer. Training sees no image of the classes in `--anomalies`. Beside it an autoencoder of the same networks,
trained on squared errors, and the detectors of `autoencoders.anomaly`, with settings chosen on validation.
"""

import dataclasses
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial.config import GameConfig
from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.images import leaky_relu
from deeplearn.adversarial.turns import judge, shown
from deeplearn.adversarial.watch import ALARMS
from deeplearn.baselines.detectors import detectors
from deeplearn.data import Dataset
from deeplearn.data.subsets import Chosen
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import bars
from deeplearn.losses.adversarial import GAMES
from deeplearn.metrics.detection import detection
from deeplearn.models.dense_generator import DenseGenerator
from deeplearn.models.mlp import MLP
from deeplearn.nn.functional import flat
from deeplearn.nn.minibatch_stddev import minibatch_stddev

TRAIN_LIMIT = 5000  # normal examples to which the detectors are fitted


@dataclasses.dataclass(frozen=True)
class Config(GameConfig):
    steps: int = 12_000
    batch_size: int = 64
    anomalies: tuple[str, ...] = dl.flag(("8",), "classes that training does not show")
    latents: int = dl.flag(8, "numbers in the code", min=1)
    hidden: tuple[int, ...] = dl.flag((128, 128), "widths of the hidden layers of all networks", min=1)
    features: float = dl.flag(0.0, "weight of the discriminator's features in an image's score", min=0)
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    beta1: float = 0.0
    beta2: float = 0.99
    r1: float = 1.0
    ema: float = 0.995

    # Zenati et al. 2018 for MNIST, which has convolutions.
    PAPER = {
        "dataset": "mnist",
        "latents": 200,
        "hidden": (1024, 1024),
        "learning_rate": 1e-5,
        "beta1": 0.5,
        "beta2": 0.999,
        "r1": 0.0,
        "schedule": "constant",
        "ema": 0.999,
        "steps": 200_000,
    }
    TINY = {"hidden": (8,), "latents": 2, "anomalies": ("1",)}


class PairCritic(nn.Module):
    """Images [B, ...] and codes [B, latents] -> logits [B], or with `hidden_layer` the last hidden layer."""

    hidden: tuple[int, ...]
    minibatch_stddev: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, code: jax.Array, train: bool = False, hidden_layer: bool = False) -> jax.Array:
        both = jnp.concatenate([flat(x), code], axis=-1)
        for width in self.hidden:
            both = leaky_relu(nn.Dense(width)(both))
        if hidden_layer:
            return both
        return nn.Dense(1)(minibatch_stddev(both) if self.minibatch_stddev else both).squeeze(-1)


class BiGAN(nn.Module):
    """encoder: images -> codes; generator: (codes, train) -> images in [0, 1]; discriminator: pairs -> logits."""

    encoder: MLP
    generator: DenseGenerator
    discriminator: Discriminator
    latents: int

    def encode(self, image: jax.Array) -> jax.Array:
        return self.encoder(flat(image)).astype(jnp.float32)

    def again(self, image: jax.Array, train: bool = False) -> jax.Array:
        return self.generator(self.encode(image), train).astype(jnp.float32)

    def real(self, batch: dl.Batch) -> tuple[jax.Array, jax.Array]:
        return batch["image"], self.encode(batch["image"])

    def fake(self, batch: dl.Batch, train: bool = False) -> tuple[jax.Array, jax.Array]:
        code = jax.random.normal(self.make_rng("noise"), (len(batch["image"]), self.latents))
        return self.generator(code, train).astype(jnp.float32), code


def deceive(model: BiGAN, batch: dl.Batch, game: str) -> dl.Losses:
    """Generator and encoder: each pair should be taken for the other's (Donahue et al. 2017, equation 3)."""
    on_fake, on_real = judge(model, shown(model.fake(batch, train=True))), judge(model, model.real(batch))
    mirrored = 1 - on_real if game == "least_squares" else -on_real  # its labels are 0 and 1
    return GAMES[game].generator(on_fake) + GAMES[game].generator(mirrored), {}


def reconstruct(model: BiGAN, batch: dl.Batch) -> dl.Losses:
    """The rival's loss, of the same encoder and generator."""
    return jnp.square(model.again(batch["image"], train=True) - batch["image"]).mean(), {}


def scores(model: BiGAN, batch: dl.Batch, features: float) -> jax.Array:
    """[B], large for anomalies."""
    x, code = model.real(batch)
    again = model.generator(code, False).astype(jnp.float32)
    error = jnp.square(flat(again - x)).sum(-1)
    if not features:
        return error
    hidden = partial(model.discriminator.network, hidden_layer=True)
    return error + features * jnp.square(hidden(x, code) - hidden(again, code)).sum(-1)


def anomalous(config: Config, dataset: Dataset) -> dict[str, np.ndarray]:
    """{"validation", "test": bool [1, N]}."""
    out = [dataset.classes.index(name) for name in config.anomalies]
    return {name: np.isin(getattr(dataset, name).arrays()["label"], out)[None] for name in ("validation", "test")}


def evaluate(trained: dl.Trained, dataset: Dataset, features: float) -> dl.Rows:
    splits = {name: getattr(dataset, name).arrays() for name in ("validation", "test")}
    found = {name: trained.over(scores, columns, features=features)[None] for name, columns in splits.items()}
    return dl.ours(detection(found, anomalous(trained.config, dataset)), **found)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    normal = normal_rows(trained.config, dataset).arrays(TRAIN_LIMIT)["image"]
    splits = {name: flat(getattr(dataset, name).arrays()["image"]) for name in ("validation", "test")}
    return detectors([flat(normal)], splits, anomalous(trained.config, dataset))


def normal_rows(config: Config, dataset: Dataset) -> Chosen:
    out = [dataset.classes.index(name) for name in config.anomalies]

    def found() -> np.ndarray:
        return np.flatnonzero(~np.isin(dataset.train.arrays()["label"], out))

    rows = dataset.fact(f"rows without {', '.join(config.anomalies)}", found)
    if not len(rows):
        raise UserError(f"{dataset.name} has no training image that is normal: name fewer --anomalies")
    return Chosen(dataset.train, rows)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    """Normal test images and anomalies, and what generator and encoder make of them."""
    test, wrong = dataset.test.arrays(), anomalous(trained.config, dataset)["test"][0]
    rows, names = [], []
    for what, some in (("normal", ~wrong), ("anomalies", wrong)):
        if (image := test["image"][some][:12]).size:
            again = np.asarray(trained["bigan"](BiGAN.again, np.resize(image, (12, *image.shape[1:]))))
            rows += [np.resize(image, again.shape), again]
            names += [what, "drawn again"]
    return image_grid(np.stack(rows), row_labels=names)


def figures(report: dl.Report) -> dict[str, Any]:
    each = {"BiGAN" if row == dl.OURS else row: one.metrics for row, one in report.rows.items()}
    drawn = {"drawn_again": lambda: sheet(report.trained, report.dataset)}
    if all("auroc" in metrics for metrics in each.values()):
        means = report.spread("auroc", ours="BiGAN")
        means |= {row: metrics["auroc"] for row, metrics in each.items() if row not in means}
        drawn["auroc"] = lambda: bars(means, "area under the ROC curve")
    return drawn


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_classes("some classes are anomalies")
    if not config.anomalies or not set(config.anomalies) < set(dataset.classes):
        raise UserError(
            f"--anomalies should name some classes of {dataset.name}, not all, that training is not shown"
        )
    config.need_singles("here each has its code")
    if config.features and config.spectral_norm:
        raise UserError("--features are of the discriminator's plain layers: leave --spectral_norm out")
    data = normal_rows(config, dataset)

    def model() -> BiGAN:
        return BiGAN(
            MLP(config.hidden, config.latents, leaky_relu),
            DenseGenerator(dataset.image_shape, config.hidden[::-1]),
            config.discriminator(PairCritic(config.hidden, config.minibatch_stddev)),
            config.latents,
        )

    game = config.stage(generate=deceive, generator=("generator", "encoder"))
    plain = dl.Turn(reconstruct, trains=("generator", "encoder"))
    chain = config.chain(config.learning_rate, config.steps)
    rivals = {
        "bigan": dl.Rival(
            model(), [dataclasses.replace(game, data=data)], partial(evaluate, features=config.features)
        ),
        "autoencoder": dl.Rival(
            model(),
            [dataclasses.replace(game, turns=[plain], optimizers=chain, data=data)],
            partial(evaluate, features=0.0),
            row="autoencoder of the same networks",
        ),
    }
    claim = dl.Claim(
        "the game finds more anomalies than squared errors", dl.OURS, "autoencoder of the same networks", "auroc"
    )
    return dl.side_by_side(
        rivals, data=dataset, baselines=baselines, figures=figures, sheet=sheet, claims=[claim], alarms=ALARMS
    )


if __name__ == "__main__":
    dl.launch(Config, build)
