"""Data augmentation by a GAN: whether its samples help a classifier that has few labelled images.

    python -m experiments.adversarial.augmentation --replicas=5
    python -m experiments.adversarial.augmentation --dataset=glyphs --labels=20 --workdir=runs/letters

First a conditional GAN learns from the few images, and from nothing else. Then classifiers of one shape learn from
them: as they are; moved by a pixel or so (`--moves`, ordinary augmentation); with `--fraction` of each batch drawn
by the generator, of random classes (Antoniou et al. 2017 ask this of a GAN that has seen other classes). All see as
many batches. Measured: accuracy on the test split. Baselines: scikit-learn's classifiers on the same few images.
"""

import dataclasses
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial import turns
from deeplearn.adversarial.config import GameConfig
from deeplearn.adversarial.images import leaky_relu
from deeplearn.adversarial.players import ConditionalGAN
from deeplearn.adversarial.watch import ALARMS
from deeplearn.baselines.classical import classical
from deeplearn.data import Dataset
from deeplearn.data.augmentation import augment
from deeplearn.data.pool import balanced_rows
from deeplearn.data.subsets import Chosen
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import bars
from deeplearn.losses.classification import classification, cross_entropy
from deeplearn.models.conditional import Condition, ConditionalCritic
from deeplearn.models.dcgan import DenseCritic
from deeplearn.models.dense_generator import DenseGenerator
from deeplearn.models.mlp import MLP

REAL, MOVED = "the images as they are", "images moved"


@dataclasses.dataclass(frozen=True)
class Config(GameConfig):
    steps: int = dl.flag(3000, "steps of the GAN", min=1)
    batch_size: int = 64
    labels: int = dl.flag(10, "labelled images of each class", min=1)
    fraction: float = dl.flag(0.5, "of a batch that the generator draws", min=0, max=1)
    moves: str = dl.flag("translate", "ordinary augmentations of a rival, joined by commas")
    classifier_steps: int = dl.flag(1500, "steps of the classifiers", min=1)
    hidden: tuple[int, ...] = dl.flag((128, 128), "widths of the hidden layers of all networks", min=1)
    latents: int = dl.flag(16, "dimensions of the noise", min=1)
    features: int = dl.flag(32, "of the vector that tells the generator the class", min=1)
    game: str = "hinge"
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    beta1: float = 0.0
    r1: float = 0.3
    ema: float = 0.99

    PAPER = {"dataset": "glyphs", "hidden": (512, 512), "latents": 100, "steps": 50_000, "classifier_steps": 10_000}
    TINY = {"hidden": (8,), "features": 4, "classifier_steps": 2, "labels": 2}


class Learner(nn.Module):
    """A classifier, images -> logits, and for one of them the GAN that draws for it."""

    classifier: MLP
    gan: ConditionalGAN | None = None


def discriminate(learner: Learner, batch: dl.Batch, **options: Any) -> dl.Losses:
    return turns.discriminate(learner.gan, batch, **options)


def generate(learner: Learner, batch: dl.Batch, **options: Any) -> dl.Losses:
    return turns.generate(learner.gan, batch, **options)


def flatten(learner: Learner, batch: dl.Batch, **options: Any) -> dl.Losses:
    return turns.flatten(learner.gan, batch, **options)


def classify(learner: Learner, batch: dl.Batch, moves: str = "", fraction: float = 0.0) -> dl.Losses:
    image, label = batch["image"], batch["label"]
    if moves:
        image = augment(moves, learner.make_rng("noise"), image)
    if count := round(fraction * len(label)):
        assert learner.gan is not None
        drawn = jax.random.randint(learner.make_rng("noise"), (count,), 0, learner.classifier.outputs)
        image = jnp.concatenate([learner.gan.sample(drawn[:, None]), image[count:]])
        label = jnp.concatenate([drawn, label[count:]])
    return cross_entropy(learner.classifier(image), label)


def measure(learner: Learner, batch: dl.Batch) -> dl.Metrics:
    return classification(learner.classifier, batch)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    return dl.ours(trained.mean(measure, dataset.test.arrays()))


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    """`dataset` has the few images alone for training."""
    return classical(dataset)


def draw(learner: Learner, label: jax.Array) -> jax.Array:
    assert learner.gan is not None
    return learner.gan.sample(label[:, None])


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    """A class a row: four of the few images, then samples."""
    names, few = dataset.classes[:12], dataset.train.arrays()
    label = np.repeat(np.arange(len(names), dtype=np.int32), 8)
    made = np.asarray(trained["samples"](draw, label)).reshape(len(names), 8, *dataset.image_shape)
    real = np.stack(
        [np.resize(few["image"][few["label"] == c], (4, *dataset.image_shape)) for c in range(len(names))]
    )
    return image_grid(np.concatenate([real, made], axis=1), row_labels=names)


def figures(report: dl.Report) -> dict[str, Any]:
    means = report.spread("accuracy", ours="half of them drawn by the GAN")
    means |= {
        row: (one.metrics["accuracy"], None) for row, one in report.rows.items() if row not in report.replicas[0]
    }
    return {
        "samples": lambda: sheet(report.trained, report.dataset),
        "accuracy": lambda: bars(means, "test accuracy"),
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_classes("classifiers are trained")
    config.need_singles("here each has its class")
    count = len(dataset.classes)
    rows = dataset.fact(f"{config.labels} rows a class", lambda: balanced_rows(dataset.train, count, config.labels))
    few = dataclasses.replace(dataset, train=Chosen(dataset.train, rows, ("image", "label")))
    trunk = DenseCritic(config.hidden, leaky_relu, config.minibatch_stddev, head=False)
    gan = ConditionalGAN(
        Condition((count,), config.features),
        DenseGenerator(dataset.image_shape, config.hidden),
        config.discriminator(ConditionalCritic(trunk, (count,))),
        config.latents,
        ("label",),
    )
    game = config.stage(
        generate,
        discriminate,
        flatten,
        generator=("gan/generator", "gan/condition"),
        discriminator=("gan/discriminator",),
    )
    game = dataclasses.replace(game, name="the GAN")

    def stage(**options: Any) -> dl.Stage:
        chain = config.chain(config.learning_rate, config.classifier_steps)
        turn = dl.Turn(partial(classify, **options), trains=("classifier",))
        return dl.Stage([turn], chain, config.classifier_steps, "classifiers", ema=config.ema or None)

    def classifier() -> MLP:
        return MLP(config.hidden, count)

    rivals = {
        "samples": dl.Rival(Learner(classifier(), gan), [game, stage(fraction=config.fraction)], evaluate),
        "real": dl.Rival(Learner(classifier()), [stage()], evaluate, row=REAL),
        "moved": dl.Rival(Learner(classifier()), [stage(moves=config.moves)], evaluate, row=MOVED),
    }
    claims = [
        dl.Claim(f"samples make for more accuracy than {row}", dl.OURS, row, "accuracy") for row in (REAL, MOVED)
    ]
    return dl.side_by_side(
        rivals, data=few, baselines=baselines, figures=figures, sheet=sheet, claims=claims, alarms=ALARMS
    )


if __name__ == "__main__":
    dl.launch(Config, build)
