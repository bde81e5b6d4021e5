"""Seven optimisers on one problem, each at the learning rate that suits it.

    python -m experiments.foundations.optimizers --replicas=5

SGD, momentum, Nesterov, RMSProp, Adam, AdamW and Adagrad (sources in `deeplearn.optim`) train the same perceptron
for the same number of steps. For each, eleven networks with learning rates from 1e-4 to 10 are trained side by
side, and validation loss chooses one of them; so no optimiser is judged by a rate that suits another. Measured on
the chosen network: test accuracy and loss, training loss, and how many of the eleven come within .02 of its
validation accuracy, the room for error. Baselines: scikit-learn's MLP with its own SGD, Adam and L-BFGS.

Five seeds, 1 minute: at its own rate each reaches .969 to .974, ± .001 to .003, and no rival's test loss differs
from Adam's by two standard errors. Chosen rates go from .02 (Adam, RMSProp) to 1 (SGD).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.baselines.classical import fitted_accuracy
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.plots import curves
from deeplearn.losses.classification import cross_entropy
from deeplearn.metrics.history import record, recorded
from deeplearn.metrics.verdict import verdict
from deeplearn.models.mlp import MLP
from deeplearn.models.population import Population
from deeplearn.optim import OPTIMIZERS, optimizer
from deeplearn.optim.members import per_member
from deeplearn.train import Batch, Experiment, Metrics, Rivals, Stage, Trained, flag, launch, rival_turns
from deeplearn.train import Config as BaseConfig

RATES = np.geomspace(1e-4, 10, 11).astype(np.float32)
OURS = "adam"  # the row of the experiment itself


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 600
    batch_size: int = 32
    hidden: tuple[int, ...] = flag((64,), "widths of the tanh layers")
    optimizers: tuple[str, ...] = flag(OPTIMIZERS, "which to compare; adam must be one of them")

    # Kingma & Ba 2015, section 6.2: two hidden layers of 1,000 on MNIST, batches of 128 (theirs are ReLU).
    PAPER: ClassVar[dict[str, Any]] = {
        "dataset": "mnist",
        "hidden": (1000, 1000),
        "batch_size": 128,
        "steps": 9_000,
    }
    TINY: ClassVar[dict[str, Any]] = {"hidden": (4,), "optimizers": ("nesterov", "adam")}


def losses(model: Rivals, batch: Batch, network: str) -> tuple[jax.Array, Metrics]:
    """Loss and accuracy of each member, [rates]."""
    return jax.vmap(cross_entropy, in_axes=(0, None))(model[network](batch["image"]), batch["label"])


def learn(model: Rivals, batch: Batch, network: str, steps: int) -> tuple[jax.Array, Metrics]:
    loss, metrics = losses(model, batch, network)
    record(model, network, loss, batch["step"], steps, points=30)
    return loss.sum(), {"best_loss": loss.min(), "best_accuracy": metrics["accuracy"].max()}


def validation(trained: Trained, dataset: Dataset, network: str) -> tuple[np.ndarray, np.ndarray]:
    """(loss, accuracy) of each member on the validation split."""
    loss, metrics = trained(losses, dataset.validation.arrays(), network=network)
    return np.asarray(loss), np.asarray(metrics["accuracy"])


def evaluate(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    train, test, rows = dataset.train.arrays(), dataset.test.arrays(), {}
    for name in trained.model.makers:
        loss, accuracy = validation(trained, dataset, name)
        best = int(np.argmin(loss))
        test_loss, metrics = trained(losses, test, network=name)
        rows[name] = {
            "accuracy": float(metrics["accuracy"][best]),
            "loss": float(test_loss[best]),
            "train_loss": float(trained(losses, train, network=name)[0][best]),
            "learning_rate": float(RATES[best]),
            "good_rates": int((accuracy > accuracy[best] - 0.02).sum()),
        }
    others = {name: row for name, row in rows.items() if name != OURS}
    return {**rows[OURS], **others}


def conclude(replicas: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Adam against each rival, paired over replicas."""
    sentences = {}
    for name in (name for name, row in replicas[0].items() if isinstance(row, Mapping)):
        gains = [row[name]["loss"] - row["loss"] for row in replicas]
        sentences[f"{OURS} has a lower test loss than {name}"] = verdict(gains)
    return sentences


def baselines(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    from sklearn.neural_network import MLPClassifier

    hidden = trained.model.makers[OURS]().make().hidden
    models = {
        f"scikit-learn's MLP, {solver}": MLPClassifier(
            hidden, activation="tanh", solver=solver, max_iter=300, random_state=0
        )
        for solver in ("sgd", "adam", "lbfgs")
    }
    return fitted_accuracy(models, dataset, most=5000)


def draw(trained: Trained, dataset: Dataset, steps: int) -> dict[str, Any]:
    by_step, by_rate = {}, {}
    for name in trained.model.makers:
        loss, accuracy = validation(trained, dataset, name)
        best = int(np.argmin(loss))
        at, history = recorded(trained.variables, name, steps)
        by_step[f"{name}, {RATES[best]:.2g}"] = (at, history[:, best])
        by_rate[name] = (RATES, accuracy)
    return {
        "loss": curves(by_step, "steps", "training loss, nats; the rate that validation chose", log_y=True),
        "learning_rates": curves(by_rate, "learning rate", "validation accuracy after training", log_x=True),
    }


def build(config: Config, dataset: Dataset) -> Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    names = config.optimizers
    if OURS not in names or not set(names) <= set(OPTIMIZERS) or len(set(names)) < len(names):
        raise UserError(f"--optimizers should name {OURS} and any others of {', '.join(OPTIMIZERS)}, each once")
    make = partial(Population, partial(MLP, config.hidden, len(dataset.classes), jnp.tanh), len(RATES))
    return Experiment(
        model=Rivals(dict.fromkeys(names, make)),
        stages=[
            Stage(
                rival_turns(partial(learn, steps=config.steps), names),
                {name: per_member(partial(optimizer, name), RATES) for name in names},
                config.steps,
            )
        ],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        figures=partial(draw, steps=config.steps),
        conclude=conclude,
        dense=True,
        watch=(f"{OURS}/best_loss", f"{OURS}/best_accuracy"),
    )


if __name__ == "__main__":
    launch(Config, build)
