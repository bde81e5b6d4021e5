"""Activations: sigmoid, tanh, ReLU, leaky ReLU, ELU, SELU, and the units that die of a high learning rate.

    python -m experiments.foundations.activations --replicas=5

A unit is dead when no training image lets a gradient through it: the slope f'(Wx + b) is below a thousandth for all
of them. A ReLU whose input is negative everywhere never recovers; leaky ReLU (Maas et al. 2013) always passes a
hundredth of the gradient; ELU (Clevert et al. 2016) keeps means near zero, SELU (Klambauer et al. 2017) the
variance too. Each activation has its own initialisation, and six networks with Adam's rate from .0003 to .1 are
trained side by side.
Measured: test accuracy at the rate that validation chooses, the mean activation there, and the fraction of dead
units there and at the highest rate. Baselines: scikit-learn's MLPs of the same layers.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.classical import estimator, fitted
from deeplearn.data import Dataset
from deeplearn.figures.plots import bars, curves
from deeplearn.losses.population import member_losses, together
from deeplearn.metrics.population import scores
from deeplearn.models.deep_mlp import DeepMLP
from deeplearn.models.population import Population
from deeplearn.nn.activations import by_name
from deeplearn.optim import optimizer
from deeplearn.optim.members import per_member

NAMES = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu")
FIRST = "relu"  # the row of the experiment itself
RATES = np.array([0.0003, 0.001, 0.003, 0.01, 0.03, 0.1])
DEAD = 1e-3  # the slope below which a unit passes no gradient


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    steps: int = 800
    batch_size: int = 32
    hidden: tuple[int, ...] = dl.flag((64, 64, 64), "widths of the hidden layers", min=1)
    activations: tuple[str, ...] = dl.flag(NAMES, "which to compare; relu must be one of them")

    # Clevert et al. 2016, section 4.1: eight hidden layers of 128 on MNIST, batches of 64.
    PAPER = {"dataset": "mnist", "hidden": (128,) * 8, "batch_size": 64, "steps": 280_000}
    TINY = {"hidden": (4,), "activations": ("relu", "selu")}


def classify(population: Population, batch: dl.Batch) -> dl.Losses:
    return together(*member_losses(population(batch["image"]), batch["label"]))


def slopes(activation: str, sums: jax.Array) -> jax.Array:
    """f' at each element."""
    return jax.vmap(jax.grad(by_name(activation)))(sums.ravel()).reshape(sums.shape)


def dead_units(activation: str, sums: jax.Array) -> jax.Array:
    """Which units pass no gradient for any example: sums [..., examples, units] -> bool [..., units]."""
    return (jnp.abs(slopes(activation, sums)) < DEAD).all(-2)


def units(population: Population, image: jax.Array, activation: str) -> tuple[jax.Array, jax.Array]:
    """Fraction of dead units, and the mean activation over all hidden units: two of [rates]."""
    sums = population(image, sums=True)
    dead = jnp.concatenate([dead_units(activation, layer) for layer in sums], -1)
    activations = jnp.concatenate([by_name(activation)(layer) for layer in sums], -1)
    return dead.mean(-1), activations.mean((-2, -1))


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    validation, test = (scores(trained, split.arrays()) for split in (dataset.validation, dataset.test))
    best, images = validation.best, dataset.train.arrays(2000)["image"]
    dead, mean = (np.asarray(x, np.float64) for x in trained(units, images, **trained.facts))
    metrics = {
        "accuracy": test.accuracy[best],
        "learning_rate": RATES[best],
        "mean_activation": mean[best],
        "dead_units": dead[best],
        "dead_units_at_high_rate": dead[-1],
        "accuracy_at_high_rate": test.accuracy[-1],
    }
    return dl.ours(metrics, dead=(RATES, dead), accuracy=(RATES, validation.accuracy))


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    common = {"hidden_layer_sizes": trained.config.hidden, "max_iter": 300, "random_state": 0}
    models = {
        f"scikit-learn's MLP, {activation}": estimator("MLPClassifier", activation=activation, **common)
        for activation in ("logistic", "tanh", "relu")
    }
    return fitted(dataset, models, limit=5000)


def figures(report: dl.Report) -> dict[str, Any]:
    rows, rate = report.beside(FIRST), "Adam's learning rate"
    dead = {name: row.arrays["dead"] for name, row in rows.items()}
    accuracy = {name: row.arrays["accuracy"] for name, row in rows.items()}
    x = jnp.linspace(-4, 3, 200)
    return {
        "dead_units": lambda: bars(
            report.spread("dead_units_at_high_rate", FIRST), f"fraction of dead units, Adam's rate {RATES[-1]:g}"
        ),
        "dead_units_by_rate": lambda: curves(dead, rate, "fraction of dead units", log_x=True),
        "accuracy_by_rate": lambda: curves(accuracy, rate, "validation accuracy", log_x=True),
        "functions": lambda: curves({name: (x, by_name(name)(x)) for name in rows}, "Wx + b", "f(Wx + b)"),
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    names = dl.named("activations", config.activations, NAMES, first=FIRST)
    stage = dl.Stage([dl.Turn(classify)], per_member(partial(optimizer, "adam"), RATES), config.steps)
    rivals = {}
    for name in names:
        network = Population(partial(DeepMLP, name, config.hidden, len(dataset.classes)), len(RATES))
        rivals[name] = dl.Rival(network, [stage], evaluate, facts={"activation": name})
    return dl.side_by_side(
        rivals,
        data=dataset,
        baselines=baselines,
        figures=figures,
        claims=[dl.Claim(f"{name} is more accurate than {FIRST}", name, dl.OURS, "accuracy") for name in names[1:]],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
