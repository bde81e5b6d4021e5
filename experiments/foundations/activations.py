"""Activations: sigmoid, tanh, ReLU, leaky ReLU, ELU, SELU, and the units that die of a high learning rate.

    python -m experiments.foundations.activations --replicas=5

A unit is dead when no training image lets a gradient through it: the slope f'(Wx + b) is below a thousandth for all
of them. A ReLU whose sum is negative everywhere never comes back; leaky ReLU (Maas et al. 2013) always hands on a
hundredth; ELU (Clevert et al. 2016) keeps means near zero, SELU (Klambauer et al. 2017) the variance too. Each
activation has its own initialisation, and six networks with Adam's rate from .0003 to .1 are trained side by side.
Measured: test accuracy at the rate that validation chooses, the mean activation there, and the share of dead units
there and at the highest rate. Baselines: scikit-learn's MLPs of the same layers.

Five seeds, 1 minute of one core: accuracies from .969 to .975, each ± .002; of the ReLUs .18 ± .04 are dead at the
chosen rate and .92 ± .03 at the highest, of the leaky ones none; ELU's mean is .67 ± .02 against ReLU's 1.10 ± .17.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.baselines.classical import fitted_accuracy
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.plots import bars, curves
from deeplearn.losses.classification import cross_entropy
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.metrics.verdict import verdict
from deeplearn.models.population import Population
from deeplearn.nn.activations import by_name, initializer_for
from deeplearn.optim import optimizer
from deeplearn.optim.members import per_member
from deeplearn.train import Batch, Experiment, Metrics, Rivals, Stage, Trained, flag, launch, rival_turns
from deeplearn.train import Config as BaseConfig

NAMES = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu")
RATES = np.array([0.0003, 0.001, 0.003, 0.01, 0.03, 0.1], np.float32)
DEAD = 1e-3  # the slope below which a unit hands on nothing


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 800
    batch_size: int = 32
    hidden: tuple[int, ...] = flag((64, 64, 64), "widths of the hidden layers")
    activations: tuple[str, ...] = flag(NAMES, "which to compare; relu must be one of them")

    # Clevert et al. 2016, section 4.1: eight hidden layers of 128 on MNIST, batches of 64.
    PAPER: ClassVar[dict[str, Any]] = {
        "dataset": "mnist",
        "hidden": (128,) * 8,
        "batch_size": 64,
        "steps": 280_000,
    }
    TINY: ClassVar[dict[str, Any]] = {"hidden": (4,), "activations": ("relu", "selu")}


class Network(nn.Module):
    """A perceptron that also returns its sums: [batch, ...] -> (logits, Wx + b of each hidden layer)."""

    activation: str
    hidden: tuple[int, ...]
    outputs: int

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
        x, sums = x.reshape(len(x), -1), []
        for width in self.hidden:
            sums.append(nn.Dense(width, kernel_init=initializer_for(self.activation))(x))
            x = by_name(self.activation)(sums[-1])
        return nn.Dense(self.outputs)(x), sums


def losses(model: Rivals, batch: Batch, network: str) -> tuple[jax.Array, Metrics]:
    """Loss and accuracy of each member, [rates]."""
    return jax.vmap(cross_entropy, in_axes=(0, None))(model[network](batch["image"])[0], batch["label"])


def learn(model: Rivals, batch: Batch, network: str) -> tuple[jax.Array, Metrics]:
    loss, metrics = losses(model, batch, network)
    return loss.sum(), {"best_loss": loss.min(), "best_accuracy": metrics["accuracy"].max()}


def slopes(activation: str, sums: jax.Array) -> jax.Array:
    """f' at each element."""
    return jax.vmap(jax.grad(by_name(activation)))(sums.ravel()).reshape(sums.shape)


def dead_units(activation: str, sums: jax.Array) -> jax.Array:
    """Which units hand on no gradient for any example: sums [..., examples, units] -> bool [..., units]."""
    return (jnp.abs(slopes(activation, sums)) < DEAD).all(-2)


def units(model: Rivals, image: jax.Array, network: str) -> Metrics:
    """Share of dead units [rates], and the mean activation [rates] over all hidden units."""
    sums = model[network](image)[1]
    dead = jnp.concatenate([dead_units(network, layer) for layer in sums], -1)
    activations = jnp.concatenate([by_name(network)(layer) for layer in sums], -1)
    return {"dead": dead.mean(-1), "mean": activations.mean((-2, -1))}


def chosen(trained: Trained, dataset: Dataset, network: str) -> int:
    """The member whose validation loss is lowest."""
    return int(np.argmin(trained(losses, dataset.validation.arrays(), network=network)[0]))


def evaluate(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    images, test, rows = dataset.train.arrays(2000)["image"], dataset.test.arrays(), {}
    for name in trained.model.makers:
        best = chosen(trained, dataset, name)
        accuracy = trained(losses, test, network=name)[1]["accuracy"]
        measured = trained(units, images, network=name)
        rows[name] = {
            "accuracy": float(accuracy[best]),
            "learning_rate": float(RATES[best]),
            "mean_activation": float(measured["mean"][best]),
            "dead_units": float(measured["dead"][best]),
            "dead_units_at_high_rate": float(measured["dead"][-1]),
            "accuracy_at_high_rate": float(accuracy[-1]),
        }
    others = {name: row for name, row in rows.items() if name != "relu"}
    return {**rows["relu"], **others}


def conclude(replicas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """ReLU against each rival, paired over replicas; and the dead units of all."""
    sentences = {}
    dead = {"relu": mean_and_standard_error([row["dead_units_at_high_rate"] for row in replicas])}
    for name in (name for name, row in replicas[0].items() if isinstance(row, Mapping)):
        dead[name] = mean_and_standard_error([row[name]["dead_units_at_high_rate"] for row in replicas])
        gains = [row[name]["accuracy"] - row["accuracy"] for row in replicas]
        sentences[f"{name} is more accurate than relu"] = verdict(gains)
    return {**sentences, "dead_units": bars(dead, f"share of dead units, Adam's rate {RATES[-1]:g}")}


def baselines(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    from sklearn.neural_network import MLPClassifier

    hidden = trained.model.makers["relu"]().make().hidden
    models = {
        f"scikit-learn's MLP, {activation}": MLPClassifier(
            hidden, activation=activation, max_iter=300, random_state=0
        )
        for activation in ("logistic", "tanh", "relu")
    }
    return fitted_accuracy(models, dataset, most=5000)


def draw(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    images, validation = dataset.train.arrays(2000)["image"], dataset.validation.arrays()
    dead, accuracy, shapes, x = {}, {}, {}, np.linspace(-4, 3, 200, dtype=np.float32)
    for name in trained.model.makers:
        dead[name] = (RATES, trained(units, images, network=name)["dead"])
        accuracy[name] = (RATES, trained(losses, validation, network=name)[1]["accuracy"])
        shapes[name] = (x, by_name(name)(x))
    return {
        "dead_units_by_rate": curves(dead, "Adam's learning rate", "share of dead units", log_x=True),
        "accuracy_by_rate": curves(accuracy, "Adam's learning rate", "validation accuracy", log_x=True),
        "functions": curves(shapes, "Wx + b", "f(Wx + b)"),
    }


def build(config: Config, dataset: Dataset) -> Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    names = config.activations
    if "relu" not in names or not set(names) <= set(NAMES) or len(set(names)) < len(names):
        raise UserError(f"--activations should name relu and any others of {', '.join(NAMES)}, each once")
    shape = {"hidden": config.hidden, "outputs": len(dataset.classes)}
    makers = {name: partial(Population, partial(Network, name, **shape), len(RATES)) for name in names}
    return Experiment(
        model=Rivals(makers),
        stages=[Stage(rival_turns(learn, names), per_member(partial(optimizer, "adam"), RATES), config.steps)],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        figures=draw,
        conclude=conclude,
        dense=True,
        watch=("relu/best_loss", "relu/best_accuracy"),
    )


if __name__ == "__main__":
    launch(Config, build)
