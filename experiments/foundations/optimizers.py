"""Seven optimisers on one problem, each at its own best learning rate.

    python -m experiments.foundations.optimizers --replicas=5

SGD, momentum, Nesterov, RMSProp, Adam, AdamW and Adagrad (sources in `deeplearn.optim`) train the same perceptron
for the same number of steps. For each, eleven networks with learning rates from 1e-4 to 10 are trained side by
side, and validation loss chooses one of them; so no optimiser is measured at the rate of another. Measured on
the chosen network: test accuracy and loss, training loss, and how many of the eleven come within .02 of its
validation accuracy, which shows how sensitive it is. Baselines: scikit-learn's MLP with its own SGD, Adam and
L-BFGS.
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
from deeplearn.losses.population import member_losses, together
from deeplearn.metrics.history import record, recorded
from deeplearn.metrics.population import scores
from deeplearn.models.mlp import MLP
from deeplearn.models.population import Population
from deeplearn.optim import OPTIMIZERS, optimizer
from deeplearn.optim.members import per_member

RATES = np.geomspace(1e-4, 10, 11)
FIRST = "adam"  # the row of the experiment itself


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    steps: int = 600
    batch_size: int = 32
    hidden: tuple[int, ...] = dl.flag((64,), "widths of the tanh layers", min=1)
    optimizers: tuple[str, ...] = dl.flag(OPTIMIZERS, "which to compare; adam must be one of them")

    # Kingma & Ba 2015, section 6.2: two hidden layers of 1,000 on MNIST, batches of 128 (theirs are ReLU).
    PAPER = {"dataset": "mnist", "hidden": (1000, 1000), "batch_size": 128, "steps": 9_000}
    TINY = {"hidden": (4,), "optimizers": ("nesterov", "adam")}


def classify(population: Population, batch: dl.Batch, steps: int) -> dl.Losses:
    loss, accuracy = member_losses(population(batch["image"]), batch["label"])
    record(population, "loss", loss, batch["step"], steps, points=30)
    return together(loss, accuracy)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    validation, test = (scores(trained, split.arrays()) for split in (dataset.validation, dataset.test))
    best = validation.best
    metrics = {
        "accuracy": test.accuracy[best],
        "loss": test.loss[best],
        "train_loss": scores(trained, dataset.train.arrays()).loss[best],
        "learning_rate": RATES[best],
        "good_rates": int((validation.accuracy > validation.accuracy[best] - 0.02).sum()),
    }
    steps, losses = recorded(trained.variables, "loss", trained.config.steps)
    return dl.ours(metrics, by_step=(steps, losses[:, best]), by_rate=(RATES, validation.accuracy))


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    common = {"hidden_layer_sizes": trained.config.hidden, "activation": "tanh", "max_iter": 300, "random_state": 0}
    models = {
        f"scikit-learn's MLP, {solver}": estimator("MLPClassifier", solver=solver, **common)
        for solver in ("sgd", "adam", "lbfgs")
    }
    return fitted(dataset, models, limit=5000)


def figures(report: dl.Report) -> dict[str, Any]:
    rows = report.beside(FIRST)
    by_step = {f"{name}, {row.metrics['learning_rate']:.2g}": row.arrays["by_step"] for name, row in rows.items()}
    by_rate = {name: row.arrays["by_rate"] for name, row in rows.items()}
    chosen = "training loss, nats; the rate that validation chose"
    return {
        "loss": lambda: curves(by_step, "steps", chosen, log_y=True),
        "learning_rates": lambda: curves(
            by_rate, "learning rate", "validation accuracy after training", log_x=True
        ),
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    names = dl.named("optimizers", config.optimizers, OPTIMIZERS, first=FIRST)
    network = Population(partial(MLP, config.hidden, len(dataset.classes), jnp.tanh), len(RATES))
    turn = dl.Turn(partial(classify, steps=config.steps))
    rivals = {
        name: dl.Rival(
            network, [dl.Stage([turn], per_member(partial(optimizer, name), RATES), config.steps)], evaluate
        )
        for name in names
    }
    return dl.side_by_side(
        rivals,
        data=dataset,
        baselines=baselines,
        figures=figures,
        claims=[
            dl.Claim(f"{FIRST} has a lower test loss than {name}", dl.OURS, name, "-loss") for name in names[1:]
        ],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
