"""Regularisation at five data sizes: none, L1, L2, dropout, DropConnect.

    python -m experiments.foundations.regularization --replicas=5

One hidden layer of ReLU. L1 is a proximal step, so weights become exactly zero; L2 shrinks them; dropout
(Srivastava et al. 2014) drops hidden units; DropConnect (Wan et al. 2013) drops single weights of the hidden layer,
with a mask for each example; at test time the mean of the ReLU is taken over the Gaussian of the same moments, in
closed form. Every method has a grid of strengths for each data size, trained side by side; validation loss chooses.
The smaller sets are parts of the larger ones, and equal for all seeds. Measured on the chosen networks: test
accuracy at each size; the means over the sizes of test accuracy, of the gap between training and test accuracy, and
of the fraction of weights that are exactly zero. Baselines: scikit-learn's logistic regression with L1 and with L2.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.baselines.classical import chosen, estimator
from deeplearn.data import Dataset
from deeplearn.data.subsets import nested, side_by_side
from deeplearn.figures.plots import curves
from deeplearn.losses.population import member_losses, together
from deeplearn.metrics.population import each_outcome, scores
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.models.population import Population
from deeplearn.models.regularized_mlp import RegularizedMLP
from deeplearn.optim import optimizer
from deeplearn.optim.members import per_member
from deeplearn.optim.penalties import fraction_of_zeros

STRENGTHS = {
    "none": (0.0,),
    "l1": (1e-4, 3e-4, 1e-3, 3e-3),
    "l2": (1e-4, 1e-3, 1e-2, 3e-2),
    "dropout": (0.2, 0.5, 0.8),
    "dropconnect": (0.2, 0.5, 0.8),
}
FIRST = "none"  # the row of the experiment itself
FRACTIONS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1)  # of the training images
TRAIN_LIMIT = 10_000  # training images; each is in memory once for every data size
MOMENTUM = 0.9


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    steps: int = 800
    batch_size: int = 16
    width: int = dl.flag(64, "hidden units", min=1)
    learning_rate: float = dl.flag(0.02, "step of gradient descent with momentum .9", min=0)

    # A hidden layer of Wan et al. 2013, section 6.1 (they have two of 800), batches of 128.
    PAPER = {"dataset": "mnist", "width": 800, "batch_size": 128, "steps": 50_000}
    TINY = {"width": 4}


def population(method: str, width: int, outputs: int) -> Population:
    """For each data size a network of every strength."""
    strengths = STRENGTHS[method] * len(FRACTIONS)
    return Population(partial(RegularizedMLP, method, width, outputs), len(strengths), strengths)


def descent(strength: jax.Array, method: str, rate: float) -> optax.GradientTransformation:
    penalty: dict[str, Any] = {method: strength} if method in ("l1", "l2") else {}
    return optimizer("momentum", rate, momentum=MOMENTUM, **penalty)


def classify(networks: Population, batch: dl.Batch) -> dl.Losses:
    """Each member is trained on the data of its size: the batch has an axis of sizes, [batch, sizes, ...]."""
    size = np.repeat(np.arange(len(FRACTIONS)), networks.size // len(FRACTIONS))
    x, label = (jnp.moveaxis(batch[key], 1, 0)[size] for key in ("image", "label"))  # [members, batch, ...]
    return together(*member_losses(networks(x, own_inputs=True, train=True), label))


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    columns, test = dataset.train.arrays(TRAIN_LIMIT), scores(trained, dataset.test.arrays())
    order, sizes = nested(len(columns["label"]), FRACTIONS)
    hits = each_outcome(trained, {key: columns[key][order] for key in ("image", "label")})[1]
    zeros = fraction_of_zeros(trained.variables["params"]).reshape(len(sizes), -1)
    # Members are [sizes, strengths]; of each size the best on validation.
    best = scores(trained, dataset.validation.arrays()).loss.reshape(len(sizes), -1).argmin(1)
    members = np.arange(len(sizes)) * zeros.shape[1] + best
    accuracy = test.accuracy[members]
    gap = np.array([hits[:size, member].mean() for size, member in zip(sizes, members, strict=True)]) - accuracy
    metrics = {
        **{f"accuracy_{size}": value for size, value in zip(sizes, accuracy, strict=True)},
        "accuracy": accuracy.mean(),
        "gap": gap.mean(),
        "exact_zeros": zeros.ravel()[members].mean(),
    }
    return dl.ours(metrics, sizes=sizes, accuracy=accuracy, gap=gap, zeros=zeros)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    order, sizes = nested(min(TRAIN_LIMIT, len(dataset.train)), FRACTIONS)
    subsets = {f"accuracy_{size}": order[:size] for size in sizes[:4]}  # a large set takes SAGA minutes
    models = {
        f"logistic regression, {name}": [
            estimator("LogisticRegression", l1_ratio=ratio, C=c, solver="saga", max_iter=200, random_state=0)
            for c in (0.1, 1.0, 10.0)
        ]
        for name, ratio in {"L1": 1.0, "L2": 0.0}.items()
    }
    return chosen(dataset, models, limit=TRAIN_LIMIT, subsets=subsets)


def figures(report: dl.Report) -> dict[str, Any]:
    rows, sizes, images = report.beside(FIRST), report.ours.arrays["sizes"], "training images"

    def by_size(array: str) -> dict[str, Any]:
        return {name: (sizes, row.arrays[array]) for name, row in rows.items()}

    def gain() -> Any:
        series: dict[str, Any] = {FIRST: (sizes, [0.0] * len(sizes))}
        for method in [name for name in rows if name != FIRST]:
            found = [
                np.subtract(report.each(method, f"accuracy_{n}"), report.each(dl.OURS, f"accuracy_{n}"))
                for n in sizes
            ]
            pairs = [mean_and_standard_error(gains) for gains in found]
            series[method] = (sizes, [mean for mean, _ in pairs], [error or 0.0 for _, error in pairs])
        return curves(series, images, "gain in test accuracy over none, ± error", log_x=True)

    def zeros() -> Any:
        series = {
            f"{size} images": (STRENGTHS["l1"], fractions)
            for size, fractions in zip(sizes, rows["l1"].arrays["zeros"], strict=True)
        }
        return curves(series, "strength of L1", "fraction of weights that are exactly zero", log_x=True)

    return {
        "gain": gain,
        "accuracy": lambda: curves(by_size("accuracy"), images, "test accuracy", log_x=True),
        "gap": lambda: curves(by_size("gap"), images, "training accuracy − test accuracy", log_x=True),
        "zeros_under_l1": zeros,
    }


CLAIMS = [
    dl.Claim(f"{method} is more accurate than none, over the five sizes", method, dl.OURS, "accuracy")
    for method in STRENGTHS
    if method != FIRST
]


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    columns = dataset.train.arrays(TRAIN_LIMIT)
    data = side_by_side(columns, *nested(len(columns["label"]), FRACTIONS))
    rivals = {}
    for method in STRENGTHS:
        networks = population(method, config.width, len(dataset.classes))
        make = partial(descent, method=method, rate=config.learning_rate)
        chain = per_member(make, np.array(networks.settings, np.float32))
        rivals[method] = dl.Rival(
            networks, [dl.Stage([dl.Turn(classify)], chain, config.steps, data=data)], evaluate
        )
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, claims=CLAIMS)


if __name__ == "__main__":
    dl.launch(Config, build)
