"""A restricted Boltzmann machine by contrastive divergence and by persistent chains, with its likelihood checked.

    python -m experiments.representations.rbm --replicas=5

Hinton 2002; Tieleman 2008. Four machines on the same batches: persistent chains (the experiment's own row), CD-1,
CD-10, and a small one by persistent chains. `nll` in nats by annealed importance sampling, for the small machine
also exactly, by enumerating its 16 hidden units. Beside them mixtures of Bernoullis, and scikit-learn's
BernoulliRBM with as many units, epochs and examples in a batch, its rate chosen on the validation split by the same
likelihood. Five seeds on binarised digits, 98 s on one core:

    persistent chains 17.19 ± .02, CD-10 17.23 ± .01, CD-1 17.48 ± .02 nats
    16 hidden units 18.40 ± .04, exactly 18.39 ± .04: never more than .021 apart
    mixture of 50 Bernoullis 17.61, scikit-learn's machine 23.37, independent Bernoullis 24.39

`--units=gaussian` models grey levels with Gaussian visible units; its nats are of a density.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.baselines import bernoulli_mixture
from deeplearn.baselines.probe import linear_probe
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.contrast import around_grey
from deeplearn.figures.grid import image_grid
from deeplearn.losses.contrastive_divergence import contrastive_divergence, persistent_contrastive_divergence
from deeplearn.metrics.partition_function import (
    Weights,
    annealed_log_partition,
    exact_log_partition,
    free_energy,
    mean_log_odds,
)
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.models.rbm import RBM, PersistentRBM
from deeplearn.optim import optimizer
from deeplearn.train import Batch, Experiment, Metrics, Rivals, Stage, Trained, Turn, flag, launch
from deeplearn.train import Config as BaseConfig

SMALL = 16  # hidden units of the machine whose log Z is also known exactly
RATES = (0.1, 0.03, 0.01, 0.003)  # that scikit-learn's machine may choose from on the validation split
NAMES = {"cd": "CD-1", "cd_many": "CD-{many}", "small": f"{SMALL} units, PCD"}


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 5000
    batch_size: int = 64
    hidden: int = flag(100, "hidden units", min=1)
    units: str = flag("bernoulli", "visible units: black or white, or grey", choices=("bernoulli", "gaussian"))
    deviation: float = flag(0.25, "σ of Gaussian visible units, in grey levels from 0 to 1", min=0.01)
    many: int = flag(10, "Gibbs steps k of the longer CD", min=2)
    learning_rate: float = flag(0.05, "step size at the start; falls to 0 along a line", min=0)
    momentum: float = flag(0.5, "momentum", min=0, max=0.99)
    decay: float = flag(1e-4, "weight decay", min=0)
    temperatures: int = flag(2000, "steps of annealed importance sampling", min=10)

    PAPER: ClassVar[dict[str, Any]] = {"dataset": "mnist", "hidden": 500, "steps": 500_000, "temperatures": 14_500}
    TINY: ClassVar[dict[str, Any]] = {"hidden": 6, "many": 2, "temperatures": 10}


def visible(image: Any, units: str) -> Any:
    """Images [B, H, W, C] as flat units [B, pixels]: black and white at 1/2, or their grey levels."""
    flat = image.reshape(len(image), -1)
    return (flat > 0.5).astype(flat.dtype) if units == "bernoulli" else flat


def cd(model: Rivals, batch: Batch, network: str, units: str, k: int) -> tuple[jax.Array, Metrics]:
    v = visible(batch["image"], units)
    return contrastive_divergence(model[network], v, model.make_rng("noise"), k)


def pcd(model: Rivals, batch: Batch, network: str, units: str) -> tuple[jax.Array, Metrics]:
    machine, v = model[network], visible(batch["image"], units)
    loss, metrics, chains = persistent_contrastive_divergence(
        machine, v, machine.fantasies.value, model.make_rng("noise"), steps=1
    )
    machine.fantasies.value = chains
    return loss, metrics


def features(model: Rivals, v: jax.Array, network: str) -> jax.Array:
    """p(h = 1 | v), the code of each image."""
    return jax.nn.sigmoid(model[network].hidden_logits(v))


def reconstruction(model: Rivals, v: jax.Array, network: str) -> jax.Array:
    """Mean squared error per unit of one step down from the code's probabilities."""
    return ((model[network].visible_mean(features(model, v, network)) - v) ** 2).mean()


def validate(model: Rivals, batch: Batch, units: str) -> Metrics:
    return {"mse": reconstruction(model, visible(batch["image"], units), "pcd")}


def machine(trained: Trained, network: str, deviation: float | None) -> Weights:
    params = trained.variables["params"][network]
    return Weights(params["kernel"], params["visible_bias"], params["hidden_bias"], deviation)


def base(v: np.ndarray, units: str) -> np.ndarray:
    """Visible biases of the machine without weights where annealing begins, from the training data."""
    return mean_log_odds(v) if units == "bernoulli" else v.mean(0)


def likelihood(
    weights: Weights, train: np.ndarray, test: np.ndarray, units: str, temperatures: int
) -> dict[str, float]:
    """Nats of test data by annealed importance sampling, and the standard error of log Z."""
    log_z, error = annealed_log_partition(weights, base(train, units), seed=0, temperatures=temperatures)
    return {"nll": log_z + float(np.mean(free_energy(test, weights))), "log_z_error": error}


def evaluate(trained: Trained, dataset: Dataset, config: Config) -> dict[str, Any]:
    deviation = config.deviation if config.units == "gaussian" else None
    train, test = dataset.train.arrays(10_000), dataset.test.arrays(2000)
    v, v_test = visible(train["image"], config.units), visible(test["image"], config.units)
    rows = {}
    for network in ("pcd", *NAMES):
        weights = machine(trained, network, deviation)
        rows[network] = likelihood(weights, v, v_test, config.units, config.temperatures)
        rows[network]["mse"] = float(trained(reconstruction, v_test, network=network))
        if network == "small":
            exact = exact_log_partition(weights) + float(np.mean(free_energy(v_test, weights)))
            rows[network]["exact_nll"] = exact
        elif "label" in train:
            codes = [np.asarray(trained(features, x, network=network)) for x in (v, v_test)]
            rows[network]["probe_accuracy"] = linear_probe(codes[0], train["label"], codes[1], test["label"])
    named = {name.format(many=config.many): rows[network] for network, name in NAMES.items()}
    return {**rows["pcd"], **named}


def baselines(trained: Trained, dataset: Dataset, config: Config) -> dict[str, Any]:
    """Other densities of the same data; for black and white ones scikit-learn's machine, on the same budget."""
    splits = [dataset.train.arrays(10_000), dataset.validation.arrays(2000), dataset.test.arrays(2000)]
    train, validation, test = (np.asarray(visible(split["image"], config.units)) for split in splits)
    if config.units == "gaussian":
        from sklearn.mixture import GaussianMixture

        rows = {}
        for kind in ("diag", "full"):
            # The same floor of the variance as the machine's: else pixels that never change have endless density.
            gaussian = GaussianMixture(1, covariance_type=kind, reg_covar=config.deviation**2).fit(train)
            rows[f"one Gaussian, {kind}"] = {"nll": -float(gaussian.score(test))}
        return rows
    mixture = bernoulli_mixture.fit_best(train, validation, (20, 50), seed=0)
    rows = {
        "independent Bernoullis": {
            "nll": -bernoulli_mixture.log_likelihood(test, bernoulli_mixture.fit(train, 1, seed=0)).mean()
        },
        f"mixture of {len(mixture.log_weights)} Bernoullis": {
            "nll": -bernoulli_mixture.log_likelihood(test, mixture).mean()
        },
    }
    fits = [scikit_learn_machine(train, rate, config) for rate in RATES]
    scores = [
        likelihood(weights_of(fit), train, validation, config.units, config.temperatures)["nll"] for fit in fits
    ]
    best = fits[int(np.argmin(scores))]
    row = likelihood(weights_of(best), train, test, config.units, config.temperatures)
    if "label" in splits[0]:
        codes = best.transform(train), best.transform(test)
        row["probe_accuracy"] = linear_probe(codes[0], splits[0]["label"], codes[1], splits[2]["label"])
    return rows | {f"scikit-learn's BernoulliRBM({config.hidden}), rate {best.learning_rate}": row}


def scikit_learn_machine(train: np.ndarray, rate: float, config: Config) -> Any:
    from sklearn.neural_network import BernoulliRBM

    epochs = max(1, round(config.steps * config.batch_size / len(train)))
    return BernoulliRBM(
        config.hidden, learning_rate=rate, batch_size=config.batch_size, n_iter=epochs, random_state=0
    ).fit(train)


def weights_of(fit: Any) -> Weights:
    return Weights(fit.components_.T, fit.intercept_visible_, fit.intercept_hidden_)


def conclude(replicas: Sequence[Mapping[str, Any]], config: Config) -> dict[str, str]:
    """Paired over seeds: rivals of one seed saw the same batches."""

    def paired(rival: str) -> str:
        mean, error = mean_and_standard_error([row[rival]["nll"] - row["nll"] for row in replicas])
        return f"{mean:+.2f}, one seed" if error is None else f"{mean:+.2f} ± {error:.2f}, {len(replicas)} seeds"

    small, many = NAMES["small"], NAMES["cd_many"].format(many=config.many)
    gaps = [abs(row[small]["nll"] - row[small]["exact_nll"]) for row in replicas]
    return {
        "nats that CD-1 needs more than persistent chains": paired(NAMES["cd"]),
        f"nats that {many} needs more than persistent chains": paired(many),
        f"annealed against exact, {SMALL} hidden units": f"apart by {max(gaps):.3f} nats at most",
    }


def history(model: Rivals, v: jax.Array, network: str, visits: tuple[int, ...]) -> jax.Array:
    """E[v | h] of chains from v, after each number of Gibbs steps: [visits, chains, pixels]."""
    machine, means, before = model[network], [], 0
    for after in visits:
        v = machine.gibbs(v, model.make_rng("noise"), after - before - 1)
        h = machine.sample_hidden(v, model.make_rng("noise"))
        v, before = machine.sample_visible(h, model.make_rng("noise")), after
        means.append(machine.visible_mean(h))
    return jnp.stack(means)


def draw(trained: Trained, dataset: Dataset, config: Config) -> dict[str, Any]:
    images = dataset.test.arrays(16)["image"]
    shape, v = images.shape[1:], visible(images, config.units)
    kernel = np.asarray(trained.variables["params"]["pcd"]["kernel"]).T
    loudest = kernel[np.argsort(-np.abs(kernel).sum(1))[:64]]
    visits = (1, 10, 100, 1000)
    means = np.asarray(trained(history, v, network="pcd", visits=visits)).reshape(len(visits), -1, *shape)
    noise = np.random.default_rng(0).integers(0, 2, (16, v.shape[1])).astype(np.float32)
    dreams = np.asarray(trained(history, noise, network="pcd", visits=(2000,))).reshape(1, -1, *shape)
    labels = ["test images", *(f"after {n} Gibbs steps" for n in visits), "from noise, 2000 steps"]
    return {
        "filters": image_grid(around_grey(loudest).reshape(-1, *shape), columns=16),
        "chains": image_grid(np.concatenate([v.reshape(1, -1, *shape), means, dreams]), row_labels=labels),
    }


def build(config: Config, dataset: Dataset) -> Experiment:
    if "image" not in dataset.train.spec:
        raise UserError(f"--dataset={config.dataset} has no images: this experiment models images")
    pixels = int(np.prod(dataset.train.spec["image"].shape))
    deviation = config.deviation if config.units == "gaussian" else None
    one = functools.partial(RBM, pixels, config.hidden, deviation)
    persistent = functools.partial(PersistentRBM, pixels, std=deviation, chains=config.batch_size)
    networks = {
        "pcd": functools.partial(persistent, config.hidden),
        "cd": one,
        "cd_many": one,
        "small": functools.partial(persistent, SMALL),
    }
    turns = [
        Turn(functools.partial(loss, network=name, units=config.units), trains=(name,), called=name)
        for name, loss in (
            ("pcd", pcd),
            ("cd", functools.partial(cd, k=1)),
            ("cd_many", functools.partial(cd, k=config.many)),
            ("small", pcd),
        )
    ]
    rate = optax.linear_schedule(config.learning_rate, 0.0, config.steps)
    descent = optimizer("momentum", rate, momentum=config.momentum, l2=config.decay)
    return Experiment(
        model=Rivals(networks),
        stages=[Stage(turns, descent, config.steps)],
        data=dataset,
        evaluate=functools.partial(evaluate, config=config),
        validate=functools.partial(validate, units=config.units),
        baselines=functools.partial(baselines, config=config),
        conclude=functools.partial(conclude, config=config),
        figures=functools.partial(draw, config=config),
        dense=True,
        watch=("pcd/free_energy", "mse"),
    )


if __name__ == "__main__":
    launch(Config, build)
