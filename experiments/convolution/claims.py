"""What is said of convolutional networks, claim by claim, each put to five seeds.

    python -m experiments.convolution.claims
    python -m experiments.convolution.claims --claims=residuals,relu --replicas=10

Every network is the base, six 3×3 convolutions with batch norm and ReLU in two stages and global average pooling,
but for what its name says, and each is trained on the same few labelled digits. Each claim is a difference within a
seed, so what the seeds share cancels; the verdict needs its mean to lie two standard errors from zero.
That a DenseNet needs fewer parameters than a ResNet is `densenet_vs_resnet`'s.

Measured, five seeds, 337 s of a shared core, test accuracy on digits, paired differences:

    batch norm at 30 times the rate    loses .550 ± .034 less than without   supported
    skips in 30 layers                 +.451 ± .045 (.889 against .438)      supported
    three 3×3 against one 7×7          .000 ± .002                           undecided
    global average pooling             +.005 ± .004                          undecided
    ReLU against tanh                  14 ± 15 steps fewer                   undecided
    images moved by a pixel            −.091 ± .046                          undecided
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, ClassVar

import flax.linen as nn
import jax
import numpy as np

from deeplearn.baselines.classical import classical_accuracy
from deeplearn.data import Arrays, Dataset
from deeplearn.data.augmentation import augment
from deeplearn.errors import UserError
from deeplearn.figures.plots import bars, curves
from deeplearn.losses.classification import cross_entropy
from deeplearn.metrics.history import record, recorded
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.metrics.verdict import verdict
from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.conv import Conv
from deeplearn.nn.pooling import max_pool
from deeplearn.optim import optimizer
from deeplearn.train import Batch, Experiment, Metrics, Rivals, Stage, Trained, flag, launch, rival_turns
from deeplearn.train import Config as BaseConfig

# What a claim says is positive: accuracy or steps gained, from the rows of its networks.
CLAIMS = {
    "stacked": "three 3×3 convolutions are more accurate than one 7×7 of the same reach",
    "batch_norm": "a rate 30 times as high costs less accuracy with batch norm than without",
    "global_pooling": "global average pooling is more accurate than a big dense layer",
    "residuals": "30 layers are more accurate with skips than without",
    "relu": "ReLU takes fewer steps than tanh to a training error of 25 %",
    "augmentation": "moving the training images by a pixel makes for more accuracy",
}
NETWORKS = {
    "stacked": ("base", "large_kernels"),
    "batch_norm": ("base", "base_fast", "no_norm", "no_norm_fast"),
    "global_pooling": ("base", "dense_head"),
    "residuals": ("deep_residual", "deep", "residual", "base"),
    "relu": ("no_norm", "tanh"),
    "augmentation": ("augmented", "base"),
}

ERROR = 0.25  # of the training batches: how far the steps are counted (Krizhevsky et al. 2012, figure 1)
CLIP = 1.0  # norm of gradients, so that a rate that is too high ends in a bad network and not in infinities
FAST = 30  # how many times higher the high rate is (Ioffe & Szegedy 2015, section 4.2.1: BN-x30)
HIDDEN = 256  # units of the big dense layer


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 200
    batch_size: int = 32
    replicas: int = 5
    claims: tuple[str, ...] = flag(tuple(CLAIMS), f"which of {', '.join(CLAIMS)}")
    examples: int = flag(300, "labelled training images", min=1)
    width: int = flag(8, "features of the first stage; the second has twice as many", min=1)
    layers: int = flag(15, "3×3 convolutions in each of the two stages of the deep networks", min=1)
    learning_rate: float = flag(0.03, "rate of gradient descent with momentum", min=0)

    # The data, batch and number of steps with which He et al. 2015 show the degradation of plain networks.
    PAPER: ClassVar[dict[str, Any]] = {
        "dataset": "cifar10",
        "claims": ("residuals",),
        "examples": 50_000,
        "width": 16,
        "layers": 27,
        "batch_size": 128,
        "steps": 64_000,
    }
    TINY: ClassVar[dict[str, Any]] = {
        "claims": ("residuals",),
        "replicas": 1,
        "width": 2,
        "layers": 2,
        "examples": 64,
    }


class Network(nn.Module):
    """Two stages of equal 3×3 convolutions with 2×2 pooling between. Images [B, H, W, C] -> logits [B, classes]."""

    classes: int
    width: int
    layers: int = 3
    kernel: int = 3
    batch_norm: bool = True
    tanh: bool = False
    residual: bool = False
    hidden: int = 0  # of the dense layer on the flat map; 0 is global average pooling

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        activation = nn.tanh if self.tanh else nn.relu
        # The initialisation that keeps the variance under this activation.
        init = nn.initializers.lecun_normal() if self.tanh else nn.initializers.he_normal()
        for stage in range(2):
            x = max_pool(x, 2) if stage else x
            for layer in range(self.layers):
                if layer % 2:  # the first changes the width; from then on a skip goes around every two
                    start = x
                features, size = self.width * 2**stage, (self.kernel, self.kernel)
                x = Conv(features, size, use_bias=not self.batch_norm, kernel_init=init)(x)
                x = BatchNorm()(x, train) if self.batch_norm else x
                if self.residual and layer and layer % 2 == 0:
                    x = x + start
                x = activation(x)
        if self.hidden:
            x = activation(nn.Dense(self.hidden, kernel_init=init)(x.reshape(len(x), -1)))
        else:
            x = x.mean((1, 2))
        return nn.Dense(self.classes)(x)


def makers(config: Config, classes: int) -> dict[str, Any]:
    """{network: what makes it} of all networks that the chosen claims need."""
    make = functools.partial(Network, classes, config.width)
    every = {
        "base": make,
        "large_kernels": functools.partial(make, layers=1, kernel=7),
        "base_fast": make,
        "no_norm": functools.partial(make, batch_norm=False),
        "no_norm_fast": functools.partial(make, batch_norm=False),
        "dense_head": functools.partial(make, hidden=HIDDEN),
        "residual": functools.partial(make, residual=True),
        "deep": functools.partial(make, layers=config.layers),
        "deep_residual": functools.partial(make, layers=config.layers, residual=True),
        "tanh": functools.partial(make, batch_norm=False, tanh=True),
        "augmented": make,
    }
    needed = {network for claim in config.claims for network in NETWORKS[claim]}
    return {name: maker for name, maker in every.items() if name in needed}


def classify(model: Rivals, batch: Batch, network: str, steps: int) -> tuple[jax.Array, Metrics]:
    image = batch["image"]
    if network == "augmented":
        image = augment("translate", model.make_rng("noise"), image)
    loss, metrics = cross_entropy(model[network](image, train=True), batch["label"])
    record(model, network, 1 - metrics["accuracy"], batch["step"], steps)
    return loss, metrics


def logits(model: Rivals, image: jax.Array, network: str) -> jax.Array:
    return model[network](image)


def accuracy(trained: Trained, network: str, columns: Any) -> float:
    guess = trained.over(logits, columns["image"], network=network).argmax(-1)
    return float((guess == columns["label"]).mean())


def differences(rows: Any, claims: Sequence[str]) -> dict[str, float]:
    """What each claim says is positive."""

    def more(first: str, second: str, metric: str = "accuracy") -> float:
        return rows[first][metric] - rows[second][metric]

    found = {
        "stacked": lambda: more("base", "large_kernels"),
        "batch_norm": lambda: more("base_fast", "base") - more("no_norm_fast", "no_norm"),
        "global_pooling": lambda: more("base", "dense_head"),
        "residuals": lambda: more("deep_residual", "deep"),
        "relu": lambda: more("tanh", "no_norm", "steps_to_error"),
        "augmentation": lambda: more("augmented", "base"),
    }
    return {claim: found[claim]() for claim in claims}


def evaluate(trained: Trained, dataset: Dataset, config: Config) -> dict[str, Any]:
    rows = {}
    for network in trained.model.makers:
        steps, errors = recorded(trained.variables, network, config.steps)
        reached = np.flatnonzero(errors[:, 0] <= ERROR)
        rows[network] = {
            "accuracy": accuracy(trained, network, dataset.test.arrays()),
            "train_accuracy": accuracy(trained, network, dataset.train.arrays(config.examples)),
            "steps_to_error": float(steps[reached[0]] if len(reached) else config.steps),
            "parameters": sum(leaf.size for leaf in jax.tree.leaves(trained.variables["params"][network])),
        }
    return differences(rows, config.claims) | rows


def conclude(replicas: Sequence[Any], claims: Sequence[str]) -> dict[str, Any]:
    found = {claim: [replica[claim] for replica in replicas] for claim in claims}
    pictures = {}
    gained = {claim: mean_and_standard_error(found[claim]) for claim in claims if claim != "relu"}
    if gained:
        pictures["claims"] = bars(gained, "accuracy gained", "Differences within a seed")
    return {CLAIMS[claim]: verdict(values) for claim, values in found.items()} | pictures


def baselines(trained: Trained, dataset: Dataset, examples: int) -> dict[str, Any]:
    return classical_accuracy(dataclasses.replace(dataset, train=Arrays(dataset.train.arrays(examples))))


def draw(trained: Trained, dataset: Dataset, steps: int) -> dict[str, Any]:
    errors = {name: recorded(trained.variables, name, steps) for name in trained.model.makers}
    lines = {name: (at, values[:, 0]) for name, (at, values) in errors.items()}
    return {"training_error": curves(lines, "steps", "share of the batch that is misclassified")}


def build(config: Config, dataset: Dataset) -> Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    if unknown := [claim for claim in config.claims if claim not in CLAIMS]:
        raise UserError(f"there is no claim {unknown[0]!r}: choose from {', '.join(CLAIMS)}")
    networks = makers(config, len(dataset.classes))
    chains = {
        name: optimizer("momentum", config.learning_rate * (FAST if name.endswith("_fast") else 1), clip=CLIP)
        for name in networks
    }
    turns = rival_turns(functools.partial(classify, steps=config.steps), networks)
    few = Arrays(dataset.train.arrays(config.examples))
    return Experiment(
        model=Rivals(networks),
        stages=[Stage(turns, chains, config.steps, data=few)],
        data=dataset,
        evaluate=functools.partial(evaluate, config=config),
        baselines=functools.partial(baselines, examples=config.examples),
        conclude=functools.partial(conclude, claims=config.claims),
        figures=functools.partial(draw, steps=config.steps),
        watch=(f"{next(iter(networks))}/loss",),
    )


if __name__ == "__main__":
    launch(Config, build)
