"""Where P(x) shifts, P(y|x) does not and the ratio is known: two Gaussians, and a biased sample."""

from __future__ import annotations

import functools

import chex
import numpy as np

from deeplearn.baselines.classical import Thunks
from deeplearn.baselines.importance import ESTIMATORS
from deeplearn.data.dataset import Dataset
from deeplearn.data.split import Arrays
from deeplearn.data.unpaired import Unpaired
from deeplearn.errors import UserError
from deeplearn.measured import Measured
from deeplearn.metrics.statistics import summary
from deeplearn.nn.functional import flat

MEAN, STD = 0.5, 0.8  # of the target; the source is N(0, 1)
LIMIT = 4000  # training images that are read
FEWEST = 20  # examples of the source
LEAST = 0.02  # probability of staying, so that no weight is above 50 times another


def gaussians(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws of N(0, 1) and of N(.5, .8²), [rows, 1] each, and the ratio of their densities at the first, [rows]."""
    rng = np.random.default_rng(seed)
    source, target = rng.normal(size=(rows, 1)), rng.normal(MEAN, STD, (rows, 1))
    x = source[:, 0]
    return source, target, np.exp(x**2 / 2 - ((x - MEAN) / STD) ** 2 / 2) / STD


def weight_error(weight: np.ndarray, true: np.ndarray) -> float:
    """Mean |w − true| over source examples, of weights [n] scaled to mean 1: as a fraction of the mean weight."""
    chex.assert_equal_shape([weight, true])
    return float(np.abs(weight / weight.mean() - true / true.mean()).mean())


def on_gaussians(rows: int, draws: int = 5) -> Thunks:
    """{row: thunk} of each estimator's `weight_error` on two Gaussians, its mean and standard error over draws."""

    def row(name: str) -> Measured:
        errors = []
        for seed in range(draws):
            source, target, true = gaussians(rows, seed)
            errors.append({"weight_error": weight_error(ESTIMATORS[name](source, target), true)})
        return Measured(summary(errors))

    return {f"two Gaussians, {name}": functools.partial(row, name) for name in ESTIMATORS}


def biased_source(dataset: Dataset, bias: float, seed: int) -> Unpaired:
    """{"source", "target"}: a biased sample of one half of the training images, and as many of the other half.

    An example of the first half stays with probability max(σ(−2 · bias · z), .02), z its first principal component,
    standardised. Its columns besides "image" and "label": "component", z; "true", the weights that undo the bias;
    "unweighted", ones; and by the name of each of ESTIMATORS its weights, which compare the source with all
    pictures of the other half. UserError where fewer than 20 examples are left.
    """
    half = min(len(dataset.train), LIMIT) // 2
    _need(dataset, half)
    order = np.random.default_rng((seed, 0)).permutation(2 * half)

    def draw() -> np.ndarray:
        """Rows of the source, and its columns: [columns, n] float64."""
        x = flat(dataset.train.arrays(2 * half)["image"]).astype(np.float64)
        centred = x - x.mean(0)
        component = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
        component /= component.std() or 1.0
        stays = np.maximum(1 / (1 + np.exp(2 * bias * component)), LEAST)
        first = order[:half]
        rows = first[np.random.default_rng((seed, 1)).uniform(size=half) < stays[first]]
        _need(dataset, len(rows))
        true = 1 / stays[rows]
        found = [estimate(x[rows], x[order[half:]]) for estimate in ESTIMATORS.values()]
        return np.stack([rows, component[rows], true / true.mean(), np.ones(len(rows)), *found])

    table = dataset.fact(f"source of seed {seed} and bias {bias:g}", draw)
    rows = table[0].astype(int)
    names = ("component", "true", "unweighted", *ESTIMATORS)
    columns = {name: column.astype(np.float32) for name, column in zip(names, table[1:], strict=True)}

    def labelled(chosen: np.ndarray) -> dict[str, np.ndarray]:
        found = dataset.train.gather(chosen)
        return {key: found[key] for key in ("image", "label")}

    return Unpaired(source=Arrays(labelled(rows) | columns), target=Arrays(labelled(order[half:][: len(rows)])))


def _need(dataset: Dataset, rows: int) -> None:
    if rows < FEWEST:
        raise UserError(f"{rows} examples of {dataset.name} stay in the source: {FEWEST} are needed")
