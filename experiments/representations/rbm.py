"""A restricted Boltzmann machine by contrastive divergence and by persistent chains, its likelihood checked.

    python -m experiments.representations.rbm --replicas=5
    python -m experiments.representations.rbm --units=gaussian --replicas=5

Hinton 2002; Tieleman 2008. Four machines on the same budget: persistent chains (the experiment's own row), CD-1,
CD-k, and a small one by persistent chains. `nll` in nats by annealed importance sampling, for the small machine
also exactly, by enumerating its hidden units. Baselines: mixtures of Bernoullis, and scikit-learn's BernoulliRBM
with as many units, epochs and examples in a batch, its rate chosen on the validation split by the same likelihood.

The second command models grey levels with Gaussian visible units; its nats are of a density, and the baselines
are Gaussians with the same floor of the variance.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.bernoulli_mixture import bernoulli_mixtures
from deeplearn.baselines.bernoulli_rbm import bernoulli_rbm
from deeplearn.baselines.gaussian import gaussian_densities
from deeplearn.baselines.probe import linear_probe
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.contrast import around_grey
from deeplearn.figures.grid import image_grid
from deeplearn.losses.contrastive_divergence import contrastive_divergence, persistent_contrastive_divergence
from deeplearn.metrics.partition_function import Weights, annealed_nll, exact_log_partition, free_energy
from deeplearn.models.rbm import RBM, PersistentRBM, chain_means
from deeplearn.nn.functional import black_and_white

SMALL = 16  # hidden units of the machine whose log Z is also known exactly
TEST_LIMIT = 2000  # test images


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 5000
    batch_size: int = 64
    hidden: int = dl.flag(100, "hidden units", min=1)
    units: str = dl.flag("bernoulli", "visible units: black or white, or grey", choices=("bernoulli", "gaussian"))
    std: float = dl.flag(0.25, "standard deviation σ of Gaussian visible units, of grey from 0 to 1", min=0.01)
    many: int = dl.flag(10, "Gibbs steps k of the longer CD", min=2)
    temperatures: int = dl.flag(2000, "steps of annealed importance sampling", min=10)
    optimizer: str = "momentum"
    schedule: str = "linear"
    learning_rate: float = 0.05
    momentum: float = 0.5
    l2: float = 1e-4

    PAPER = {"dataset": "mnist", "hidden": 500, "steps": 500_000, "temperatures": 14_500}
    TINY = {"hidden": 6, "many": 2, "temperatures": 10}


def cd(machine: RBM, batch: dl.Batch, k: int) -> dl.Losses:
    return contrastive_divergence(machine, machine.observe(batch["image"]), machine.make_rng("noise"), k)


def pcd(machine: PersistentRBM, batch: dl.Batch) -> dl.Losses:
    v, chains = machine.observe(batch["image"]), machine.fantasies.value
    loss, metrics, machine.fantasies.value = persistent_contrastive_divergence(
        machine, v, chains, machine.make_rng("noise"), steps=1
    )
    return loss, metrics


def validate(machine: RBM, batch: dl.Batch) -> dl.Metrics:
    v = machine.observe(batch["image"])
    return {"mse": ((machine.reconstruct(v) - v) ** 2).mean()}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    machine, train, test = trained.model, dataset.train.arrays(10_000), dataset.test.arrays(TEST_LIMIT)
    v, v_test = machine.observe(train["image"]), machine.observe(test["image"])
    weights = Weights(**trained.variables["params"], std=machine.std)
    metrics = annealed_nll(weights, v, v_test, trained.config.temperatures) | trained.mean(validate, test)
    if trained.facts["small"]:
        metrics["exact_nll"] = exact_log_partition(weights) + float(np.mean(free_energy(v_test, weights)))
        metrics["error_of_annealing"] = abs(metrics["nll"] - metrics["exact_nll"])
    elif "label" in train:
        codes = [np.asarray(trained(RBM.encode, x)) for x in (v, v_test)]
        metrics["probe_accuracy"] = linear_probe(codes[0], train["label"], codes[1], test["label"])
    return dl.ours(metrics)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    config = trained.config
    if config.units == "gaussian":
        # The same floor of the variance as the machine's: else pixels that never change have infinite density.
        return gaussian_densities(dataset, config.std**2, test_limit=TEST_LIMIT)

    def measure(weights: Weights, train: np.ndarray, test: np.ndarray) -> dict[str, float]:
        return annealed_nll(weights, train, test, config.temperatures)

    budget = {"steps": config.steps, "batch_size": config.batch_size, "test_limit": TEST_LIMIT}
    mixtures = bernoulli_mixtures(dataset, black_and_white, sizes=(20, 50), test_limit=TEST_LIMIT)
    return mixtures | bernoulli_rbm(dataset, black_and_white, config.hidden, measure, **budget)


def chains(machine: RBM, v: jax.Array, visits: tuple[int, ...]) -> jax.Array:
    return chain_means(machine, v, machine.make_rng("noise"), visits)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    """Chains of the first machine, from test images and from noise."""
    trained, images, visits = trained["pcd"], dataset.test.arrays(16)["image"], (1, 10, 100, 1000)
    v = trained.model.observe(images)
    noise = np.random.default_rng(0).integers(0, 2, v.shape).astype(np.float32)
    rows = [v[None], trained(chains, v, visits=visits), trained(chains, noise, visits=(2000,))]
    labels = ["test images", *(f"after {n} Gibbs steps" for n in visits), "from noise, 2000 steps"]
    return image_grid(np.concatenate(rows).reshape(len(labels), *images.shape), row_labels=labels)


def figures(report: dl.Report) -> dict[str, Any]:
    def filters() -> Any:
        kernel = np.asarray(report.trained["pcd"].variables["params"]["kernel"]).T
        loudest = kernel[np.argsort(-np.abs(kernel).sum(1))[:64]]
        return image_grid(around_grey(loudest).reshape(-1, *report.dataset.train.spec["image"].shape), columns=16)

    return {"filters": filters, "chains": lambda: sheet(report.trained, report.dataset)}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    if "image" not in dataset.train.spec:
        raise UserError(f"--dataset={config.dataset} has no images: this experiment models images")
    pixels = int(np.prod(dataset.train.spec["image"].shape))
    std = config.std if config.units == "gaussian" else None
    one = RBM(pixels, config.hidden, std)
    persistent, small = (PersistentRBM(pixels, n, std, chains=config.batch_size) for n in (config.hidden, SMALL))
    rows = {"cd": "CD-1", "cd_many": f"CD-{config.many}", "small": f"{SMALL} units, persistent chains"}
    systems: dict[str, tuple[RBM, Any]] = {
        "pcd": (persistent, pcd),
        "cd": (one, partial(cd, k=1)),
        "cd_many": (one, partial(cd, k=config.many)),
        "small": (small, pcd),
    }
    rivals = {
        name: dl.Rival(
            machine,
            [dl.Stage([dl.Turn(loss)], config.chain(), config.steps)],
            evaluate,
            validate,
            facts={"small": name == "small"},
            row=rows.get(name, ""),
        )
        for name, (machine, loss) in systems.items()
    }
    claims = [
        dl.Claim(f"persistent chains need fewer nats than {rows[name]}", dl.OURS, rows[name], "-nll")
        for name in ("cd", "cd_many")
    ]
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, sheet=sheet, claims=claims)


if __name__ == "__main__":
    dl.launch(Config, build)
