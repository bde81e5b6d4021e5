"""Label smoothing of a perceptron on digits: does it help? (Szegedy et al. 2016, section 7).

    python docs/label_smoothing.py --replicas=5

The target is (1 − ε) one-hot + ε / classes. Rivals of one shape, with ε and without. Measured: accuracy and loss.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import optax

from deeplearn import train as dl
from deeplearn.baselines.classical import classical
from deeplearn.data import Dataset
from deeplearn.figures.plots import bars
from deeplearn.losses.classification import classification, soft_cross_entropy
from deeplearn.models.mlp import MLP


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    hidden: tuple[int, ...] = dl.flag((128,), "widths of the hidden layers", min=1)
    smoothing: float = dl.flag(0.1, "ε, the fraction of the target that all classes share", min=0, max=1)
    TINY = {"hidden": (4,)}


def classify(model: MLP, batch: dl.Batch, smoothing: float) -> dl.Losses:
    target = optax.smooth_labels(jax.nn.one_hot(batch["label"], model.outputs), smoothing)
    return soft_cross_entropy(model(batch["image"]), target)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    return dl.ours(trained.mean(classification, dataset.test.arrays()))


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return classical(dataset)


def figures(report: dl.Report) -> dict[str, Any]:
    means = report.spread("accuracy", ours="smoothed targets")
    return {"accuracy": lambda: bars(means, "test accuracy")}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    rivals = {}
    for name, epsilon in (("smoothed", config.smoothing), ("hard", 0.0)):
        stage = dl.Stage([dl.Turn(partial(classify, smoothing=epsilon))], config.chain(), config.steps)
        rivals[name] = dl.Rival(MLP(config.hidden, len(dataset.classes)), [stage], evaluate, row=f"{name} targets")
    claim = dl.Claim("smoothing makes for more accuracy", dl.OURS, "hard targets", "accuracy")
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, claims=[claim])


if __name__ == "__main__":
    dl.launch(Config, build)
