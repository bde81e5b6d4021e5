"""Claims about convolutional networks, each tested over five seeds.

    python -m experiments.convolution.claims
    python -m experiments.convolution.claims --claims=residuals,relu --replicas=10

Every network is the base (six 3×3 convolutions with batch norm and ReLU in two stages, and global average pooling)
with the change in its name, and each is trained on the same few labelled digits. Each claim is a difference within
a seed, so effects of the seed cancel; the experiment's own row has all differences, positive where the claim holds.
That a DenseNet needs fewer parameters than a ResNet is `densenet_vs_resnet`'s. Baselines, on the same few digits:
logistic regression, k nearest neighbours and a support vector machine with Gaussian kernel.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.classical import classical
from deeplearn.data import Dataset
from deeplearn.data.augmentation import augment
from deeplearn.data.subsets import Chosen
from deeplearn.errors import UserError
from deeplearn.figures.plots import bars, curves
from deeplearn.losses.classification import classification, cross_entropy
from deeplearn.metrics.history import record, recorded
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.models.two_stage import TwoStage

STACKED = "three 3×3 convolutions are more accurate than one 7×7 of the same reach"
BATCH_NORM = "a rate 30 times as high costs less accuracy with batch norm than without"
POOLING = "global average pooling is more accurate than a big dense layer"
RESIDUALS = "30 layers are more accurate with skips than without"
RELU = "ReLU takes fewer steps than tanh to a training error of 25 %"
AUGMENTATION = "moving the training images by a pixel makes for more accuracy"
CLAIMS = {
    "stacked": dl.Claim(STACKED, "base", "large_kernels", "accuracy"),
    "batch_norm": dl.Claim(BATCH_NORM, "base_fast", "no_norm_fast", "accuracy_change"),
    "global_pooling": dl.Claim(POOLING, "base", "dense_head", "accuracy"),
    "residuals": dl.Claim(RESIDUALS, "deep_residual", "deep", "accuracy"),
    "relu": dl.Claim(RELU, "no_norm", "tanh", "-steps_to_error"),
    "augmentation": dl.Claim(AUGMENTATION, "augmented", "base", "accuracy"),
}
SLOW = {"base_fast": "base", "no_norm_fast": "no_norm"}  # networks at the high rate: at the usual one
BESIDE = {"batch_norm": ("base", "no_norm"), "residuals": ("residual", "base")}  # the rows that are compared

ERROR = 0.25  # of the training batches: steps are counted until then (Krizhevsky et al. 2012, figure 1)
FAST = 30  # how many times higher the high rate is (Ioffe & Szegedy 2015, section 4.2.1: BN-x30)
HIDDEN = 256  # units of the big dense layer


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 200
    batch_size: int = 32
    replicas: int = 5
    optimizer: str = "momentum"
    learning_rate: float = 0.03
    schedule: str = "constant"
    clip: float = 1.0  # so that a rate that is too high makes a bad network and no infinities
    claims: tuple[str, ...] = dl.flag(tuple(CLAIMS), f"which of {', '.join(CLAIMS)}")
    examples: int = dl.flag(300, "labelled training images", min=1)
    width: int = dl.flag(8, "features of the first stage; the second has twice as many", min=1)
    layers: int = dl.flag(15, "3×3 convolutions in each of the two stages of the deep networks", min=1)

    # The data, batch and number of steps with which He et al. 2015 show the degradation of plain networks.
    PAPER = {
        "dataset": "cifar10",
        "claims": ("residuals",),
        "examples": 50_000,
        "width": 16,
        "layers": 27,
        "batch_size": 128,
        "steps": 64_000,
    }
    TINY = {"claims": ("residuals",), "replicas": 1, "width": 2, "layers": 2, "examples": 64}


def networks(config: Config, classes: int) -> dict[str, TwoStage]:
    """The networks that the chosen claims need."""
    base = TwoStage(classes, config.width)
    every = {
        "base": base,
        "large_kernels": base.clone(layers=1, kernel=7),
        "base_fast": base,
        "no_norm": base.clone(batch_norm=False),
        "no_norm_fast": base.clone(batch_norm=False),
        "dense_head": base.clone(hidden=HIDDEN),
        "residual": base.clone(residual=True),
        "deep": base.clone(layers=config.layers),
        "deep_residual": base.clone(layers=config.layers, residual=True),
        "tanh": base.clone(batch_norm=False, tanh=True),
        "augmented": base,
    }
    claims = [(CLAIMS[name], BESIDE.get(name, ())) for name in config.claims]
    needed = {network for claim, beside in claims for network in (claim.better, claim.than, *beside)}
    return {name: network for name, network in every.items() if name in needed}


def classify(model: TwoStage, batch: dl.Batch, augmentation: str, steps: int) -> dl.Losses:
    image = augment(augmentation, model.make_rng("noise"), batch["image"])
    loss, metrics = cross_entropy(model(image, train=True), batch["label"])
    record(model, "error", 1 - metrics["accuracy"], batch["step"], steps)
    return loss, metrics


def measure(trained: dl.Trained, dataset: Dataset) -> dl.Measured:
    """One network's row."""
    steps, errors = recorded(trained.variables, "error", trained.config.steps)
    reached = np.flatnonzero(errors[:, 0] <= ERROR)
    metrics = {
        "accuracy": trained.mean(classification, dataset.test.arrays())["accuracy"],
        "train_accuracy": trained.mean(classification, dataset.train.arrays())["accuracy"],
        "steps_to_error": float(steps[reached[0]] if len(reached) else trained.config.steps),
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(trained.variables["params"])),
    }
    return dl.Measured(metrics, {"error": (steps, errors[:, 0])})


def gained(claim: dl.Claim, rows: dl.Rows) -> float:
    """The difference by which the claim holds."""
    metric = claim.metric.removeprefix("-")
    more = rows[claim.better].metrics[metric] - rows[claim.than].metrics[metric]
    return float(more if metric == claim.metric else -more)


def compared(rows: dl.Rows, claims: tuple[str, ...]) -> dl.Rows:
    """The networks' rows, the effect of the high rate, and the differences as the experiment's own row."""
    rows = dict(rows)
    for fast, slow in SLOW.items():
        if fast in rows:
            change = rows[fast].metrics["accuracy"] - rows[slow].metrics["accuracy"]
            rows[fast] = dl.Measured({**rows[fast].metrics, "accuracy_change": change}, rows[fast].arrays)
    return {dl.OURS: dl.Measured({name: gained(CLAIMS[name], rows) for name in claims}), **rows}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    rows = {name: measure(trained[name], dataset) for name in trained.rivals}
    return compared(rows, trained.config.claims)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return classical(dataset)


def figures(report: dl.Report) -> dict[str, Any]:
    of_accuracy = [name for name in report.config.claims if CLAIMS[name].metric.startswith("accuracy")]
    gains = {name: mean_and_standard_error(report.each(dl.OURS, name)) for name in of_accuracy}
    lines = {name: report.rows[name].arrays["error"] for name in report.trained.rivals}
    drawn = {"training_error": lambda: curves(lines, "steps", "fraction of the batch that is misclassified")}
    if gains:
        drawn["claims"] = lambda: bars(gains, "accuracy gained", "Differences within a seed")
    return drawn


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    if unknown := [claim for claim in config.claims if claim not in CLAIMS]:
        raise UserError(f"there is no claim {unknown[0]!r}: choose from {', '.join(CLAIMS)}")

    def rival(name: str, network: TwoStage) -> dl.Rival:
        loss = partial(classify, augmentation="translate" if name == "augmented" else "", steps=config.steps)
        chain = config.chain(learning_rate=config.learning_rate * (FAST if name in SLOW else 1))
        return dl.Rival(network, [dl.Stage([dl.Turn(loss)], chain, config.steps)])

    few = Chosen(dataset.train, np.arange(min(config.examples, len(dataset.train))))
    return dl.side_by_side(
        {name: rival(name, network) for name, network in networks(config, len(dataset.classes)).items()},
        data=dataclasses.replace(dataset, train=few),
        evaluate=evaluate,
        baselines=baselines,
        figures=figures,
        claims=[CLAIMS[name] for name in config.claims],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
