"""The family from AlexNet to DenseNet at small size: the same data, the same budget, what each makes of it.

    python -m experiments.convolution.family --replicas=5
    python -m experiments.convolution.family --networks=all
    python -m experiments.convolution.family --dataset=glyphs --networks=alexnet,resnet18 --steps=1000

Every member has its small form (deeplearn/models/zoo.py), the same batches in number and size, the same optimiser
and rate. That is one budget, not the best of each: a member that wants another rate is not given it. Parameters and
multiply-adds are read off the traced program; a gradient's memory and time are those of the compiled one.

Measured on digits, five seeds, 1,380 s of a shared core: DenseNet-121 .978 ± .002, ResNet-18 .946 ± .004, GoogLeNet
with batch norm .934 ± .006, VGG-16 .928 ± .005, AlexNet .920 ± .006, MobileNet .230 ± .024. An RBF support vector
machine gets .984. MobileNet, 27 layers without a skip, has not learnt in 300 steps; torch's network of the same
layers has not either (.466 against ours .462, one seed of each, without moved images).

All 22 on digits, one seed, 3,299 s of a shared core: DenseNet-169 .988, -121 .984, -201 .982, GoogLeNet .964
(with batch norm .934), ResNet-18 .948, VGG-16 .944, -19 .926, Inception-v3 .920, ResNet-34 .914, AlexNet .902
(one tower .898). Bottlenecks and depthwise layers have not learnt in 300 steps: ResNet-50 .556, -101 .384, -152
.208, ResNeXt-50 .384, -101 .288, MobileNet-v2 .322, -v1 .212. Without moved images ResNet-50 gets .780, torch's
of the same widths .788 and .818 (two seeds).

On the held-out fonts of glyphs in as many steps of 16 images, a quarter of the images for 47 classes
(--dataset=glyphs --batch_size=16 --networks=all, one seed, 5,692 s of a shared core), most have not learnt:
Inception-v3 .794, ResNet-34 .659, -18 .651, GoogLeNet with batch norm .645, DenseNet-201 .563, -169 .468, -121
.320, the deeper ResNets .099 to .341, and AlexNet, VGG, the plain GoogLeNet and MobileNet .021 to .057 (chance is
.021); the SVM .950.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.baselines.classical import classical_accuracy
from deeplearn.data import Dataset
from deeplearn.data.augmentation import augment
from deeplearn.figures.style import INK, PALETTE, new_axes, to_image
from deeplearn.losses.classification import cross_entropy
from deeplearn.metrics.cost import gradient_cost
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.models.anatomy import anatomy
from deeplearn.models.zoo import ZOO, member
from deeplearn.train import Batch, Experiment, Metrics, Rivals, Stage, Trained, flag, launch, rival_turns
from deeplearn.train import Config as BaseConfig

MEMBERS = ("alexnet", "vgg16", "googlenet_batch_norm", "resnet18", "mobilenet_v1", "densenet121")


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 300
    batch_size: int = 64
    networks: tuple[str, ...] = flag(MEMBERS, f"which of {', '.join(ZOO)}; or all")
    size: str = flag("small", "their form", choices=("small", "paper"))
    augmentation: str = flag("translate", "changes of training images, joined by commas (empty: none)")
    learning_rate: float = flag(1e-3, "Adam's rate at the start; falls to 0 along a cosine", min=0)

    # Networks at the size of their papers; images are enlarged to the pixels each was made for.
    PAPER: ClassVar[dict[str, Any]] = {
        "dataset": "cifar10",
        "size": "paper",
        "networks": ("alexnet", "vgg16", "resnet18"),
        "augmentation": "crop,flip",
        "steps": 40_000,
    }
    TINY: ClassVar[dict[str, Any]] = {"networks": ("alexnet", "alexnet_one_tower")}


def make(network: str, size: str, classes: int) -> nn.Module:
    return member(network).small(classes) if size == "small" else member(network).paper(classes)


def images_for(network: str, size: str, image: jax.Array) -> jax.Array:
    """As they are, or enlarged to what the paper's network was made for."""
    if size == "small":
        return image
    side = member(network).image
    return jax.image.resize(image, (len(image), side, side, image.shape[-1]), "linear")


def classify(model: Rivals, batch: Batch, network: str, size: str, augmentation: str) -> tuple[jax.Array, Metrics]:
    image = augment(augmentation, model.make_rng("noise"), batch["image"])
    outputs = model[network](images_for(network, size, image), train=True)
    logits, *auxiliary = outputs if isinstance(outputs, tuple) else (outputs,)
    loss, metrics = cross_entropy(logits, batch["label"])
    # Weight .3 for the heads of middle layers: Szegedy et al. 2015, section 5.
    return loss + 0.3 * sum(cross_entropy(head, batch["label"])[0] for head in auxiliary), metrics


def guess(model: Rivals, image: jax.Array, network: str, form: str) -> jax.Array:
    return model[network](images_for(network, form, image)).argmax(-1)


def evaluate(trained: Trained, dataset: Dataset, size: str) -> dict[str, Any]:
    test = dataset.test.arrays()
    rows = {}
    for network, maker in trained.model.makers.items():
        image = jax.eval_shape(functools.partial(images_for, network, size), test["image"][:1])
        table = anatomy(maker(), image)
        guesses = trained.over(guess, test["image"], network=network, form=size)
        rows[network] = {
            "accuracy": float((guesses == test["label"]).mean()),
            "parameters": table.parameters,
            "multiply_adds": table.multiply_adds,
        }
    accuracies = [row["accuracy"] for row in rows.values()]
    return {"accuracy": max(accuracies), "worst_accuracy": min(accuracies)} | rows


def conclude(replicas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A row for each member, the best on top: its accuracy, with a bubble whose area is like its multiply-adds."""
    rows = {name: row for name, row in replicas[0].items() if isinstance(row, Mapping)}
    pairs = {name: mean_and_standard_error([replica[name]["accuracy"] for replica in replicas]) for name in rows}
    ranked = sorted(rows, key=lambda name: pairs[name][0])
    axes = new_axes(
        (8.5, 1.5 + 0.3 * len(rows)), "The area of a bubble is its multiply-adds", "accuracy, test split"
    )
    means = [pairs[name][0] for name in ranked]
    errors = [pairs[name][1] or 0.0 for name in ranked]  # of one seed there is none
    sizes = np.array([rows[name]["multiply_adds"] for name in ranked])
    height = np.arange(len(ranked))
    axes.scatter(means, height, s=600 * sizes / sizes.max(), color=PALETTE[0], alpha=0.5, linewidths=0)
    axes.errorbar(means, height, xerr=errors, color=INK, fmt=".", markersize=4, capsize=3, linewidth=1)
    axes.set_yticks(height, [f"{name}, {rows[name]['parameters']:,} parameters" for name in ranked])
    axes.margins(0.1, 1 / len(rows))
    return {"family": to_image(axes)}


def baselines(trained: Trained, dataset: Dataset, size: str) -> dict[str, Any]:
    batch = dataset.train.arrays(64)
    rows = {}
    for network, maker in trained.model.makers.items():
        variables = {name: tree[network] for name, tree in trained.variables.items() if network in tree}
        image = images_for(network, size, jnp.asarray(batch["image"]))
        rows[f"a gradient of {network}"] = gradient_cost(maker(), variables, image, batch["label"])
    return rows | classical_accuracy(dataset)


def build(config: Config, dataset: Dataset) -> Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    classes = len(dataset.classes)
    names = tuple(ZOO) if config.networks == ("all",) else config.networks
    networks = {name: functools.partial(make, name, config.size, classes) for name in names}
    for name in networks:
        member(name)  # a misspelt one is told of here
    rate = optax.cosine_decay_schedule(config.learning_rate, config.steps)
    loss = functools.partial(classify, size=config.size, augmentation=config.augmentation)
    return Experiment(
        model=Rivals(networks),
        stages=[Stage(rival_turns(loss, networks), optax.adam(rate), config.steps)],
        data=dataset,
        evaluate=functools.partial(evaluate, size=config.size),
        baselines=functools.partial(baselines, size=config.size),
        conclude=conclude,
        watch=tuple(f"{name}/loss" for name in names[:2]),
    )


if __name__ == "__main__":
    launch(Config, build)
