"""The family from AlexNet to DenseNet at small size, on the same data and the same budget.

    python -m experiments.convolution.family --replicas=5
    python -m experiments.convolution.family --networks=all
    python -m experiments.convolution.family --dataset=glyphs --networks=alexnet,resnet18 --steps=1000

Every member has its small form (deeplearn/models/zoo.py), the same number and size of batches, the same optimiser
and rate. This is one budget, not the best of each: no member gets a rate of its own. The experiment's own row is
the member that is most accurate on the validation split, in each seed; `chosen` is the fraction of seeds in which a
member was. Parameters and multiply-adds are read from the traced program; a gradient's memory and time from the
compiled one. Baselines: logistic regression, k nearest neighbours and a support vector machine with Gaussian
kernel.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from deeplearn import train as dl
from deeplearn.baselines.classical import classical
from deeplearn.data import Dataset
from deeplearn.data.augmentation import augment
from deeplearn.figures.plots import bubbles
from deeplearn.losses.classification import classification, cross_entropy
from deeplearn.metrics.cost import gradient_costs
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.models.anatomy import anatomy
from deeplearn.models.zoo import ZOO, member
from deeplearn.nn.enlarged import Enlarged, enlarged

MEMBERS = ("alexnet", "vgg16", "googlenet_batch_norm", "resnet18", "mobilenet_v1", "densenet121")


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 300
    batch_size: int = 64
    learning_rate: float = 1e-3
    networks: tuple[str, ...] = dl.flag(MEMBERS, f"which of {', '.join(ZOO)}; or all")
    size: str = dl.flag("small", "their form", choices=("small", "paper"))
    augmentation: str = dl.flag("translate", "changes of training images, joined by commas (empty: none)")

    # Networks at the size of their papers; images are enlarged to the pixels each was made for.
    PAPER = {
        "dataset": "cifar10",
        "size": "paper",
        "networks": ("alexnet", "vgg16", "resnet18"),
        "augmentation": "crop,flip",
        "steps": 40_000,
    }
    TINY = {"networks": ("alexnet", "alexnet_one_tower")}


def make(network: str, size: str, classes: int) -> Enlarged:
    """A member in its small form, or the paper's on images enlarged to the size that it was made for."""
    chosen = member(network)
    return Enlarged(chosen.small(classes)) if size == "small" else Enlarged(chosen.paper(classes), chosen.image)


def classify(model: Enlarged, batch: dl.Batch, augmentation: str) -> dl.Losses:
    outputs = model(augment(augmentation, model.make_rng("noise"), batch["image"]), train=True)
    logits, *auxiliary = outputs if isinstance(outputs, tuple) else (outputs,)
    loss, metrics = cross_entropy(logits, batch["label"])
    # Weight .3 for the heads of middle layers: Szegedy et al. 2015, section 5.
    return loss + 0.3 * sum(cross_entropy(head, batch["label"])[0] for head in auxiliary), metrics


def measure(trained: dl.Trained, dataset: Dataset) -> dict[str, float]:
    """One member's row."""
    spec = jax.ShapeDtypeStruct((1, *dataset.test.spec["image"].shape), jnp.float32)
    table = anatomy(trained.model.net, jax.eval_shape(lambda image: enlarged(image, trained.model.side), spec))
    return {
        "accuracy": trained.mean(classification, dataset.test.arrays())["accuracy"],
        "validation_accuracy": trained.mean(classification, dataset.validation.arrays())["accuracy"],
        "parameters": table.parameters,
        "multiply_adds": table.multiply_adds,
    }


def choose(rows: dict[str, dict[str, float]]) -> dl.Rows:
    """The members' rows, and as the experiment's own the row of the first that is best on validation."""
    best = max(rows, key=lambda name: rows[name]["validation_accuracy"])
    members = {name: dl.Measured({**row, "chosen": float(name == best)}) for name, row in rows.items()}
    return {dl.OURS: dl.Measured(rows[best]), **members}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    return choose({name: measure(trained[name], dataset) for name in trained.rivals})


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    batch = dataset.train.arrays(64)
    nets = {name: (trained[name].model, trained[name].variables) for name in trained.rivals}
    return gradient_costs(nets, batch["image"], batch["label"]) | classical(dataset)


def figures(report: dl.Report) -> dict[str, Any]:
    def family() -> Any:
        rows = {name: report.rows[name].metrics for name in report.trained.rivals}
        values = {
            f"{name}, {row['parameters']:,} parameters": (
                *mean_and_standard_error(report.each(name, "accuracy")),
                row["multiply_adds"],
            )
            for name, row in rows.items()
        }
        return bubbles(values, "accuracy, test split", "The area of a bubble is its multiply-adds")

    return {"family": family}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    names = tuple(ZOO) if config.networks == ("all",) else config.networks
    loss = partial(classify, augmentation=config.augmentation)
    stage = dl.Stage([dl.Turn(loss)], config.chain(), config.steps)
    return dl.side_by_side(
        {name: dl.Rival(make(name, config.size, len(dataset.classes)), [stage]) for name in names},
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        figures=figures,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
