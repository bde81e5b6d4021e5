"""DenseNet against ResNet: accuracy against parameters, memory of a step, and how gradients flow.

    python -m experiments.convolution.densenet_vs_resnet --replicas=5

A DenseNet-BC of three blocks of two layers with growth k (Huang et al. 2017) and a ResNet of three blocks with k
features (He et al. 2015) have nearly the same number of parameters, so at each k the difference in accuracy, within
a seed, says which uses them better. What a DenseNet pays is read off the compiled step: its concatenations are kept
for the backward pass. Gradients are those of trained networks on test images, by layer.

Measured on digits, five seeds, at 5,000, 20,000 and 77,000 parameters: DenseNet .936 ± .008, .979 ± .003, .983
± .001, ResNet .918 ± .006, .973 ± .002, .984 ± .002; paired +.018 ± .011, +.006 ± .004, −.001 ± .003, none of
them clear. For as many parameters the DenseNet takes 2.8 times the multiply-adds and 2.2 to 3.8 times the
memory of a gradient.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict

from deeplearn.baselines.classical import classical_accuracy
from deeplearn.data import Dataset
from deeplearn.data.augmentation import augment
from deeplearn.figures.plots import curves
from deeplearn.losses.classification import cross_entropy
from deeplearn.metrics.cost import gradient_cost
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.metrics.verdict import verdict
from deeplearn.models.anatomy import Anatomy, anatomy
from deeplearn.models.densenet import DenseNet
from deeplearn.models.resnet import ResNet
from deeplearn.train import Batch, Experiment, Metrics, Rivals, Stage, Trained, flag, launch, rival_turns
from deeplearn.train import Config as BaseConfig


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 400
    batch_size: int = 64
    sizes: tuple[int, ...] = flag((4, 8, 16), "growth of a DenseNet and features of a ResNet at each size")
    depth: int = flag(1, "residual blocks a stage; a DenseNet has twice as many layers a block", min=1)
    augmentation: str = flag("translate", "changes of training images, joined by commas (empty: none)")
    learning_rate: float = flag(3e-3, "Adam's rate at the start; falls to 0 along a cosine", min=0)

    # DenseNet-BC-100 with growth 12 (Huang et al. 2017, table 2) beside a ResNet-50 of 12 features, on CIFAR-10.
    PAPER: ClassVar[dict[str, Any]] = {
        "dataset": "cifar10",
        "sizes": (12,),
        "depth": 8,
        "augmentation": "crop,flip",
        "steps": 234_000,
    }
    TINY: ClassVar[dict[str, Any]] = {"sizes": (2,)}


def makers(config: Config, classes: int) -> dict[str, Any]:
    networks: dict[str, Any] = {}
    for size in config.sizes:
        blocks, stages = (2 * config.depth,) * 3, (config.depth,) * 3
        networks[f"densenet_{size}"] = functools.partial(DenseNet, classes, blocks, size, small_stem=True)
        networks[f"resnet_{size}"] = functools.partial(ResNet, classes, stages, False, size, small_stem=True)
    return networks


def classify(model: Rivals, batch: Batch, network: str, augmentation: str) -> tuple[jax.Array, Metrics]:
    image = augment(augmentation, model.make_rng("noise"), batch["image"])
    return cross_entropy(model[network](image, train=True), batch["label"])


def logits(model: Rivals, image: jax.Array, network: str) -> jax.Array:
    return model[network](image)


def relative_norms(model: Rivals, batch: Batch, network: str) -> dict[str, jax.Array]:
    """{convolution: ‖∂L/∂W‖ / ‖W‖}, batch norm standing still; but for those of shortcuts.

    Relative to the weights, because before batch norm these have no scale of their own.
    """
    net, variables = model[network].unbind()

    def loss(params: Any) -> jax.Array:
        return cross_entropy(net.apply({**variables, "params": params}, batch["image"]), batch["label"])[0]

    weights, grads = flatten_dict(variables["params"]), flatten_dict(jax.grad(loss)(variables["params"]))
    return {
        "/".join(path[:-1]): jnp.linalg.norm(grads[path]) / jnp.linalg.norm(weights[path])
        for path in weights
        if path[-1] == "kernel" and weights[path].ndim == 4 and "downsample" not in path[-2]
    }


def table(trained: Trained, dataset: Dataset, network: str) -> Anatomy:
    image = jax.ShapeDtypeStruct((1, *dataset.train.spec["image"].shape), jnp.float32)
    return anatomy(trained.model.makers[network](), image)


def evaluate(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    test = dataset.test.arrays()
    rows: dict[str, Any] = {}
    for network in trained.model.makers:
        layers, guess = table(trained, dataset, network), trained.over(logits, test["image"], network=network)
        norms = trained(relative_norms, head(test), network=network)
        convolutions = [float(norms[layer.name]) for layer in layers.layers if layer.name in norms]
        rows[network] = {
            "accuracy": float((guess.argmax(-1) == test["label"]).mean()),
            "parameters": layers.parameters,
            "multiply_adds": layers.multiply_adds,
            "first_to_last_gradient": convolutions[0] / convolutions[-1],
        }
    gains = {
        f"gain_{size}": rows[f"densenet_{size}"]["accuracy"] - rows[f"resnet_{size}"]["accuracy"]
        for size in sizes(trained.model.makers)
    }
    return gains | rows


def sizes(networks: Mapping[str, Any]) -> list[str]:
    return [name.removeprefix("densenet_") for name in networks if name.startswith("densenet_")]


def head(columns: Any, count: int = 64) -> dict[str, Any]:
    return {key: columns[key][:count] for key in ("image", "label")}


def conclude(replicas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = replicas[0]
    chosen = sizes(first)
    lines = {}
    for family, name in (("DenseNet", "densenet"), ("ResNet", "resnet")):
        found = [
            mean_and_standard_error([row[f"{name}_{size}"]["accuracy"] for row in replicas]) for size in chosen
        ]
        mean, error = np.array([[m, e or 0.0] for m, e in found]).T
        lines[family] = [first[f"{name}_{size}"]["parameters"] for size in chosen], mean, error
    return {
        f"DenseNet of growth {size} is more accurate than ResNet of as many parameters": verdict(
            [row[f"gain_{size}"] for row in replicas]
        )
        for size in chosen
    } | {"accuracy": curves(lines, "parameters", "accuracy on the test split", log_x=True)}


def baselines(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    batch = head(dataset.train.arrays(64))
    costs = {}
    for network, make in trained.model.makers.items():
        variables = {name: tree[network] for name, tree in trained.variables.items() if network in tree}
        costs[f"a gradient of {network}"] = gradient_cost(make(), variables, batch["image"], batch["label"])
    return costs | classical_accuracy(dataset)


def draw(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    lines = {}
    for network in trained.model.makers:
        norms = trained(relative_norms, head(dataset.test.arrays()), network=network)
        values = [
            float(norms[layer.name]) for layer in table(trained, dataset, network).layers if layer.name in norms
        ]
        lines[network] = np.linspace(0, 1, len(values)), values
    place = "place of the convolution, from image (0) to logits (1)"
    return {"gradient_flow": curves(lines, place, "norm of the gradient / norm of the weights", log_y=True)}


def build(config: Config, dataset: Dataset) -> Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    networks = makers(config, len(dataset.classes))
    rate = optax.cosine_decay_schedule(config.learning_rate, config.steps)
    turns = rival_turns(functools.partial(classify, augmentation=config.augmentation), networks)
    return Experiment(
        model=Rivals(networks),
        stages=[Stage(turns, optax.adam(rate), config.steps)],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        conclude=conclude,
        figures=draw,
        watch=tuple(f"{network}/loss" for network in list(networks)[:2]),
    )


if __name__ == "__main__":
    launch(Config, build)
