"""Gradient descent on all examples at once, on one at a time, and on small batches.

    python -m experiments.foundations.gradient_descent --replicas=5

Three stages see the same number of examples: batch descent takes one step an epoch along the true gradient,
stochastic descent (Robbins & Monro 1951) one step an example along a noisy one, mini-batches lie between. Each
method trains a network for every learning rate of one grid, side by side; validation loss chooses. Measured: test
accuracy, loss on the whole training set, the number of updates. Loss is drawn against examples seen, and against
time, for which one network of each method is timed alone. The path picture is the same three on least squares in
two parameters: which half of the classes, from two principal components. Baselines: logistic regression by L-BFGS,
and by scikit-learn's own stochastic descent.

Five seeds, 1 minute: 29 steps on everything reach .943 ± .002 (training loss .24), 1,000 mini-batches .974 ± .001
(.005), 32,000 single examples .976 ± .001 (.0016).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.baselines.classical import fitted_accuracy
from deeplearn.data import Dataset
from deeplearn.figures.plots import curves
from deeplearn.figures.surface import paths_on_surface
from deeplearn.losses.classification import cross_entropy
from deeplearn.metrics.history import record, recorded
from deeplearn.metrics.verdict import verdict
from deeplearn.models.mlp import MLP
from deeplearn.models.population import Population
from deeplearn.optim import optimizer
from deeplearn.optim.members import per_member
from deeplearn.train import Batch, Experiment, Metrics, Rivals, Stage, Trained, Turn, flag, launch
from deeplearn.train import Config as BaseConfig

RATES = np.array([0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0], np.float32)
METHODS = ("batch", "mini_batch", "stochastic")


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = flag(1000, "mini-batch updates; the others see as many examples", min=1)
    batch_size: int = flag(32, "examples in a mini-batch", min=1)
    single: int = flag(1, "examples at once in stochastic descent; on a mesh, one a device", min=1)
    hidden: tuple[int, ...] = flag((64,), "widths of the tanh layers")

    # The layers of LeNet-300-100 (LeCun et al. 1998, section III-B), 20 epochs.
    PAPER: ClassVar[dict[str, Any]] = {"dataset": "mnist", "hidden": (300, 100), "steps": 37_500}
    TINY: ClassVar[dict[str, Any]] = {"hidden": (4,), "single": 2}


@dataclasses.dataclass(frozen=True)
class Plan:
    """How many examples each method sees at once, and the updates that its share of examples allows."""

    sizes: Mapping[str, int]
    examples: int

    def updates(self, method: str) -> int:
        return max(1, self.examples // self.sizes[method])


def losses(model: Rivals, batch: Batch, network: str) -> tuple[jax.Array, Metrics]:
    """Loss and accuracy of each member, [rates]."""
    return jax.vmap(cross_entropy, in_axes=(0, None))(model[network](batch["image"]), batch["label"])


def descend(model: Rivals, batch: Batch, network: str, first: int, updates: int) -> tuple[jax.Array, Metrics]:
    loss, metrics = losses(model, batch, network)
    record(model, network, loss, batch["step"] - first, updates)
    return loss.sum(), {"best_loss": loss.min(), "best_accuracy": metrics["accuracy"].max()}


def chosen(trained: Trained, dataset: Dataset, method: str) -> int:
    """The member whose validation loss is lowest."""
    return int(np.argmin(trained(losses, dataset.validation.arrays(), network=method)[0]))


def seconds_an_epoch(trained: Trained, dataset: Dataset, size: int) -> float:
    """One network's epoch in batches of `size`, compiled and alone: the best of three, up to 300 updates each."""
    train, network = dataset.train.arrays(), trained.model.makers["batch"]().make()
    updates = min(300, max(1, len(train["label"]) // size))
    batches = {key: jnp.asarray(train[key][: updates * size]) for key in ("image", "label")}
    batches = {key: value.reshape(updates, size, *value.shape[1:]) for key, value in batches.items()}

    def update(params: Any, batch: Batch) -> tuple[Any, None]:
        gradient = jax.grad(lambda p: cross_entropy(network.apply(p, batch["image"]), batch["label"])[0])(params)
        return jax.tree.map(lambda w, g: w - 0.01 * g, params, gradient), None

    epoch = jax.jit(lambda params, batches: jax.lax.scan(update, params, batches)[0])
    params = network.init(trained.key, train["image"][:1])
    jax.block_until_ready(epoch(params, batches))
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        jax.block_until_ready(epoch(params, batches))
        seconds.append(time.perf_counter() - start)
    return min(seconds) * len(train["label"]) / (updates * size)


def evaluate(trained: Trained, dataset: Dataset, plan: Plan) -> dict[str, Any]:
    train, test, rows = dataset.train.arrays(), dataset.test.arrays(), {}
    for method in METHODS:
        best = chosen(trained, dataset, method)
        loss, metrics = trained(losses, test, network=method)
        rows[method] = {
            "accuracy": float(metrics["accuracy"][best]),
            "loss": float(loss[best]),
            "train_loss": float(trained(losses, train, network=method)[0][best]),
            "learning_rate": float(RATES[best]),
            "updates": plan.updates(method),
        }
    others = {method: row for method, row in rows.items() if method != "mini_batch"}
    return {**rows["mini_batch"], **others}


def conclude(replicas: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Paired over replicas: what mini-batches gain in training loss for the same examples."""
    sentences = {}
    for other in ("batch", "stochastic"):
        gains = [row[other]["train_loss"] - row["train_loss"] for row in replicas]
        sentences[f"mini-batches reach a lower training loss than {other}"] = verdict(gains)
    return sentences


def baselines(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression, SGDClassifier

    models = {
        "logistic regression, L-BFGS": LogisticRegression(max_iter=300),
        "logistic regression, scikit-learn's SGD": SGDClassifier(loss="log_loss", random_state=0),
    }
    return fitted_accuracy(models, dataset)


def paths(
    x: np.ndarray, target: np.ndarray, start: np.ndarray, sizes: Sequence[int], updates: int
) -> list[np.ndarray]:
    """For each batch size the points [updates + 1, 2] that descent on mean (x w − target)²/2 visits from `start`.

    x [N, 2], target [N]. The rate is a tenth of one over the largest curvature, for all alike.
    """
    rate = 0.1 / np.linalg.eigvalsh(x.T @ x / len(x)).max()
    rng, result = np.random.default_rng(0), []
    for size in sizes:
        w, visited = start, [start]
        for _ in range(updates):
            rows = rng.choice(len(x), size, replace=False)
            w = w - rate * x[rows].T @ (x[rows] @ w - target[rows]) / size
            visited.append(w)
        result.append(np.array(visited))
    return result


def two_parameters(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Two principal components [N, 2] and ±1 for the classes' first half: a valley, since one varies more."""
    train = dataset.train.arrays(2000)
    flat = train["image"].reshape(len(train["image"]), -1)
    flat = flat - flat.mean(0)
    components = np.linalg.svd(flat, full_matrices=False)[2][[0, 9]]
    return flat @ components.T, np.where(train["label"] < len(dataset.classes) // 2, 1.0, -1.0)


def draw(trained: Trained, dataset: Dataset, plan: Plan) -> dict[str, Any]:
    by_examples, by_time = {}, {}
    for method in METHODS:
        at, loss = recorded(trained.variables, method, plan.updates(method))
        name = f"{method.replace('_', '-')}, {plan.sizes[method]} at once"
        loss, examples = loss[:, chosen(trained, dataset, method)], at * plan.sizes[method]
        seconds = seconds_an_epoch(trained, dataset, plan.sizes[method]) / len(dataset.train)
        by_examples[name], by_time[name] = (examples, loss), (examples * seconds, loss)
    x, target = two_parameters(dataset)
    minimum = np.linalg.lstsq(x, target, rcond=None)[0]
    sizes = (len(x), min(32, len(x)), 1)
    names = (f"batch, all {len(x)}", f"mini-batch, {sizes[1]}", "stochastic, 1")

    def height(w: np.ndarray) -> np.ndarray:
        return 0.5 * ((w @ x.T - target) ** 2).mean(-1)

    return {
        "loss_by_examples": curves(by_examples, "examples seen", "training loss, nats", log_y=True),
        "loss_by_time": curves(
            by_time, "seconds of one network alone", "training loss, nats", log_x=True, log_y=True
        ),
        "paths": paths_on_surface(
            height,
            dict(zip(names, paths(x, target, minimum + 1, sizes, 100), strict=True)),
            minimum,
            "weight of the first principal component",
            "weight of the tenth",
            "100 updates of each, from the square to the dot",
        ),
    }


def build(config: Config, dataset: Dataset) -> Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    sizes = {"batch": len(dataset.train), "mini_batch": config.batch_size, "stochastic": config.single}
    plan = Plan(sizes, max(config.steps * config.batch_size, len(dataset.train)))
    make = partial(Population, partial(MLP, config.hidden, len(dataset.classes), jnp.tanh), len(RATES))
    stages, first = [], 0
    for method in METHODS:
        loss = partial(descend, network=method, first=first, updates=plan.updates(method))
        stages.append(
            Stage(
                [Turn(loss, trains=(method,), called=method)],
                per_member(partial(optimizer, "sgd"), RATES),
                plan.updates(method),
                name=method,
                batch_size=sizes[method],
            )
        )
        first += plan.updates(method)
    return Experiment(
        model=Rivals(dict.fromkeys(METHODS, make)),
        stages=stages,
        data=dataset,
        evaluate=partial(evaluate, plan=plan),
        baselines=baselines,
        figures=partial(draw, plan=plan),
        conclude=conclude,
        dense=True,
        watch=("best_loss", "best_accuracy"),
    )


if __name__ == "__main__":
    launch(Config, build)
