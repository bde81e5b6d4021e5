"""Where P(x) shifts, P(y|x) does not and the ratio is known: two Gaussians, and a biased sample."""

from __future__ import annotations

import functools

import chex
import numpy as np

from deeplearn.baselines.classical import Thunks
from deeplearn.baselines.importance import ESTIMATORS
from deeplearn.data.dataset import Dataset
from deeplearn.data.subsets import Chosen, spaced
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


def weighed_pool(dataset: Dataset) -> Chosen:
    """At most 4,000 training images, evenly spaced, an even number: "image", "label" and "row", their number.

    UserError where they are fewer than 40. They are read when first needed.
    """
    rows = min(len(dataset.train), LIMIT) // 2 * 2
    _need(rows // 2)
    return Chosen(dataset.train, spaced(len(dataset.train), rows), ("image", "label"), place="row")


def principal_component(image: np.ndarray) -> np.ndarray:
    """The first principal component of images [rows, ...], standardised, [rows]."""
    x = flat(image).astype(np.float64)
    centred = x - x.mean(0)
    component = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    return component / (component.std() or 1.0)


def biased_sample(image: np.ndarray, component: np.ndarray, bias: float, draw: int) -> dict[str, np.ndarray]:
    """Weights of images [rows, ...] by which a biased sample of a random half, the source, is weighed; each [rows].

    An image of the half stays with probability max(σ(−2 · bias · z), .02), z its `component`. "true" are weights
    that undo the bias, "unweighted" ones, and by the name of each of ESTIMATORS are its weights, which compare the
    source with all images of the other half: of mean 1 over the source, and 0 elsewhere. "target" is 1 for as many
    images of the other half. draw: the seed of halves and sample. UserError where fewer than 20 examples stay.
    """
    x, half = flat(image).astype(np.float64), len(image) // 2
    stays = np.maximum(1 / (1 + np.exp(2 * bias * component)), LEAST)
    rng = np.random.default_rng(draw)
    order = rng.permutation(2 * half)
    first, second = order[:half], order[half:]
    rows = first[rng.uniform(size=half) < stays[first]]
    _need(len(rows))
    true = 1 / stays[rows]
    found = {name: (rows, estimate(x[rows], x[second])) for name, estimate in ESTIMATORS.items()}
    ones = np.ones(len(rows))
    found |= {"true": (rows, true / true.mean()), "unweighted": (rows, ones), "target": (second[: len(rows)], ones)}
    weights = {name: np.zeros(len(x), np.float32) for name in found}
    for name, (place, weight) in found.items():
        weights[name][place] = weight
    return weights


def _need(rows: int) -> None:
    if rows < FEWEST:
        raise UserError(f"{rows} examples stay in the source: {FEWEST} are needed")
