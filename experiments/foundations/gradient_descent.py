"""Gradient descent on all examples at once, on one at a time, and on small batches.

    python -m experiments.foundations.gradient_descent --replicas=5

Three stages see the same number of examples: batch descent takes one step an epoch along the true gradient,
stochastic descent (Robbins & Monro 1951) one step per example along a noisy one, mini-batches lie in between. Each
method trains a network for every learning rate of one grid, side by side; validation loss chooses. Measured: test
accuracy, loss on the whole training set, the number of updates. Loss is drawn against examples seen, and against
time, for which one network of each method is timed on its own. The figure of paths shows all three on least squares
in two parameters: the half of the classes, predicted from two principal components. Baselines: logistic regression
by L-BFGS, and by scikit-learn's own stochastic descent.
"""

import dataclasses
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.classical import estimator, fitted
from deeplearn.data import Dataset
from deeplearn.figures.plots import curves
from deeplearn.figures.surface import paths_on_surface
from deeplearn.losses.population import member_losses, together
from deeplearn.metrics.cost import seconds_an_epoch
from deeplearn.metrics.history import record, recorded
from deeplearn.metrics.population import scores
from deeplearn.models.mlp import MLP
from deeplearn.models.population import Population
from deeplearn.optim import optimizer
from deeplearn.optim.least_squares import descent_paths
from deeplearn.optim.members import per_member

RATES = np.array([0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0])
FIRST = "mini_batch"  # the row of the experiment itself


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    steps: int = dl.flag(1000, "mini-batch updates; the others see as many examples", min=1)
    batch_size: int = dl.flag(32, "examples in a mini-batch", min=1)
    single: int = dl.flag(1, "examples at once in stochastic descent; on a mesh, one per device", min=1)
    hidden: tuple[int, ...] = dl.flag((64,), "widths of the tanh layers", min=1)

    # The layers of LeNet-300-100 (LeCun et al. 1998, section III-B), 20 epochs.
    PAPER = {"dataset": "mnist", "hidden": (300, 100), "steps": 37_500}
    TINY = {"hidden": (4,), "single": 2}


def classify(population: Population, batch: dl.Batch, first: int, updates: int) -> dl.Losses:
    loss, accuracy = member_losses(population(batch["image"]), batch["label"])
    record(population, "loss", loss, batch["step"] - first, updates)
    return together(loss, accuracy)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    train, test = (scores(trained, split.arrays()) for split in (dataset.train, dataset.test))
    best, updates = scores(trained, dataset.validation.arrays()).best, trained.facts["updates"]
    metrics = {
        "accuracy": test.accuracy[best],
        "loss": test.loss[best],
        "train_loss": train.loss[best],
        "learning_rate": RATES[best],
        "updates": updates,
    }
    at, losses = recorded(trained.variables, "loss", updates)
    return dl.ours(metrics, examples=at * trained.facts["size"], losses=losses[:, best])


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    models = {
        "logistic regression, L-BFGS": estimator("LogisticRegression", max_iter=300),
        "logistic regression, scikit-learn's SGD": estimator("SGDClassifier", loss="log_loss", random_state=0),
    }
    return fitted(dataset, models)


def two_parameters(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Two principal components [N, 2] and ±1 for the two halves of the classes: a valley, since one component
    varies more."""
    train = dataset.train.arrays(2000)
    flat = train["image"].reshape(len(train["image"]), -1)
    flat = flat - flat.mean(0)
    components = np.linalg.svd(flat, full_matrices=False)[2][[0, min(9, *(n - 1 for n in flat.shape))]]
    return flat @ components.T, np.where(train["label"] < len(dataset.classes) // 2, 1.0, -1.0)


def three_paths(dataset: Dataset) -> Any:
    x, target = two_parameters(dataset)
    minimum = np.linalg.lstsq(x, target, rcond=None)[0]
    sizes = {f"batch, all {len(x)}": len(x), f"mini-batch, {min(32, len(x))}": min(32, len(x)), "stochastic, 1": 1}
    visited = descent_paths(x, target, minimum + 1, list(sizes.values()), 100)
    return paths_on_surface(
        lambda w: 0.5 * ((w @ x.T - target) ** 2).mean(-1),
        dict(zip(sizes, visited, strict=True)),
        minimum,
        "weight of the first principal component",
        "weight of the tenth",
        "100 updates of each, from the square to the dot",
    )


def figures(report: dl.Report) -> dict[str, Any]:
    rows, facts = report.beside(FIRST), report.trained.rivals
    names = {method: f"{method.replace('_', '-')}, {facts[method]['size']} at once" for method in rows}

    def by_time() -> Any:
        network, train, series = report.trained[FIRST].model.make(), report.dataset.train.arrays(), {}
        for method, row in rows.items():
            seconds = seconds_an_epoch(network, train, facts[method]["size"]) / len(train["label"])
            series[names[method]] = (row.arrays["examples"] * seconds, row.arrays["losses"])
        return curves(series, "seconds of one network alone", "training loss, nats", log_x=True, log_y=True)

    by_examples = {names[method]: (row.arrays["examples"], row.arrays["losses"]) for method, row in rows.items()}
    return {
        "loss_by_examples": lambda: curves(by_examples, "examples seen", "training loss, nats", log_y=True),
        "loss_by_time": by_time,
        "paths": lambda: three_paths(report.dataset),
    }


CLAIMS = [
    dl.Claim(f"mini-batches reach a lower training loss than {other}", dl.OURS, other, "-train_loss")
    for other in ("batch", "stochastic")
]


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    sizes = {FIRST: config.batch_size, "batch": len(dataset.train), "stochastic": config.single}
    examples = max(config.steps * config.batch_size, len(dataset.train))
    network = Population(partial(MLP, config.hidden, len(dataset.classes), jnp.tanh), len(RATES))
    descent, rivals, first = per_member(partial(optimizer, "sgd"), RATES), {}, 0
    for method, size in sizes.items():
        updates = max(1, examples // size)
        turn = dl.Turn(partial(classify, first=first, updates=updates))
        stage = dl.Stage([turn], descent, updates, name=method, batch_size=size)
        rivals[method] = dl.Rival(network, [stage], evaluate, facts={"size": size, "updates": updates})
        first += updates
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, claims=CLAIMS)


if __name__ == "__main__":
    dl.launch(Config, build)
