"""Hyper-parameters: layer size, learning rate, momentum, batch size and epochs, swept side by side.

    python -m experiments.foundations.hyperparameters --replicas=5

Four sweeps, each crossed with seven learning rates: momentum, epochs, width of the hidden layer, batch size.
Networks of one shape are one population that trains in one compiled step, each at its own rate; what is not swept
has the defaults below. All see the same number of examples, except in the sweep of epochs, whose networks stop
early. Heat maps show the accuracy on validation. Measured: test accuracy of the network that validation loss
chooses in each sweep, the chosen values, and the worst validation accuracy, the cost of a wrong choice. Baselines:
logistic regression, scikit-learn's MLP with its defaults.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.baselines.classical import estimator, fitted
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.plots import heat_map
from deeplearn.losses.population import member_losses, together
from deeplearn.metrics.population import scores
from deeplearn.models.mlp import MLP
from deeplearn.models.population import Population
from deeplearn.optim import optimizer
from deeplearn.optim.members import per_member

RATES = np.array([0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0])
MOMENTA = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
FRACTIONS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)  # of the run, for the sweep of epochs
MOMENTUM, RATE = 0.9, 0.01  # the defaults
DEFAULTS = "the defaults"


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    steps: int = dl.flag(800, "updates at the default batch size; others see as many examples", min=1)
    batch_size: int = dl.flag(32, "the default batch size", min=1)
    width: int = dl.flag(64, "the default width of the hidden layer, of tanh units", min=1)
    widths: tuple[int, ...] = dl.flag((2, 8, 32, 128), "widths to sweep", min=1)
    batches: tuple[int, ...] = dl.flag((8, 32, 128, 256), "batch sizes to sweep", min=1)

    # Bergstra & Bengio 2012, section 2.2: one hidden layer of 18 to 1,024 units on MNIST.
    PAPER = {"dataset": "mnist", "width": 256, "widths": (18, 64, 256, 1024), "steps": 50_000}
    TINY = {"width": 2, "widths": (2,), "batches": (8,)}


def classify(population: Population, batch: dl.Batch) -> dl.Losses:
    return together(*member_losses(population(batch["image"]), batch["label"]))


def descent(rate: jax.Array, momentum: Any = MOMENTUM) -> optax.GradientTransformation:
    return optimizer("momentum", rate, momentum=momentum)


def descent_until(rate: jax.Array, updates: jax.Array) -> optax.GradientTransformation:
    """No updates after that many steps."""
    return optimizer("momentum", lambda count: jnp.where(count < updates, rate, 0.0), momentum=MOMENTUM)


def crossed(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """(rates, values) of the members: every rate for each value."""
    return np.tile(RATES, len(values)), np.repeat(values, len(RATES))


def table(trained: dl.Trained, dataset: Dataset) -> dict[str, np.ndarray]:
    """A population's part of its sweep: "loss" and "accuracy" on validation, "test" accuracy, [values, rates]."""
    validation, test = (scores(trained, split.arrays()) for split in (dataset.validation, dataset.test))
    columns = {"loss": validation.loss, "accuracy": validation.accuracy, "test": test.accuracy}
    shaped = {name: column.reshape(-1, len(RATES)) for name, column in columns.items()}
    return {**shaped, "values": np.array(trained.facts["values"])}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    parts: dict[str, list[Any]] = {}
    for name, facts in trained.rivals.items():
        parts.setdefault(facts["sweep"], []).append(table(trained[name], dataset))
    rows, best_loss = {}, {}
    for sweep, found in parts.items():
        arrays = {key: np.concatenate([part[key] for part in found]) for key in found[0]}
        value, rate = best = np.unravel_index(np.argmin(arrays["loss"]), arrays["loss"].shape)
        best_loss[sweep] = arrays["loss"][best]
        metrics = {
            "accuracy": arrays["test"][best],
            "chosen_value": float(arrays["values"][value]),
            "chosen_rate": RATES[rate],
            "worst_on_validation": arrays["accuracy"].min(),
        }
        rows[f"sweep of {sweep}"] = dl.Measured(metrics, arrays)
    chosen = rows[f"sweep of {min(best_loss, key=lambda sweep: best_loss[sweep])}"]
    by_default = rows["sweep of momentum"].arrays["test"][MOMENTA.index(MOMENTUM), np.argmin(abs(RATES - RATE))]
    ours = dl.Measured({"accuracy": chosen.metrics["accuracy"]})
    return {dl.OURS: ours, DEFAULTS: dl.Measured({"accuracy": by_default}), **rows}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    models = {
        "scikit-learn's MLP as it comes": estimator("MLPClassifier", random_state=0),
        "logistic regression": estimator("LogisticRegression", max_iter=300),
    }
    return fitted(dataset, models, limit=5000)


def figures(report: dl.Report) -> dict[str, Any]:
    def map_of(sweep: str, arrays: Any) -> Any:
        values, rates = ([f"{number:.3g}" for number in axis] for axis in (arrays["values"], RATES))
        return heat_map(arrays["accuracy"], values, rates, "learning rate", sweep, "accuracy on validation")

    sweeps = dict.fromkeys(facts["sweep"] for facts in report.trained.rivals.values())
    return {
        sweep.replace(" ", "_"): partial(map_of, sweep, report.rows[f"sweep of {sweep}"].arrays) for sweep in sweeps
    }


CLAIMS = [dl.Claim("what validation chooses is more accurate than the defaults", dl.OURS, DEFAULTS, "accuracy")]


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    if max(config.batches) > len(dataset.train):
        raise UserError(f"--batches has one of {max(config.batches)}, but there are {len(dataset.train)} images")

    def rival(sweep: str, values: Any, chain: Any, width: int = config.width, **stage: Any) -> dl.Rival:
        make = partial(MLP, (width,), len(dataset.classes), jnp.tanh)
        stages = [dl.Stage([dl.Turn(classify)], chain, **{"steps": config.steps, **stage})]
        facts = {"sweep": sweep, "values": tuple(values)}
        return dl.Rival(Population(make, len(RATES) * len(values)), stages, facts=facts)

    until = np.array([max(1, round(fraction * config.steps)) for fraction in FRACTIONS])
    epochs = until * config.batch_size / len(dataset.train)
    alone = per_member(descent, RATES)
    rivals = {
        "momentum": rival("momentum", MOMENTA, per_member(descent, *crossed(MOMENTA))),
        "epochs": rival("epochs", epochs, per_member(descent_until, *crossed(until))),
        **{f"width_{width}": rival("width", [width], alone, width) for width in config.widths},
    }
    for size in config.batches:
        stage: dict[str, Any] = {"name": f"batch_{size}", "batch_size": size}
        stage["steps"] = max(1, config.steps * config.batch_size // size)
        rivals[f"batch_{size}"] = rival("batch size", [size], alone, **stage)
    declared = {"evaluate": evaluate, "baselines": baselines, "figures": figures, "claims": CLAIMS}
    return dl.side_by_side(rivals, data=dataset, **declared)


if __name__ == "__main__":
    dl.launch(Config, build)
