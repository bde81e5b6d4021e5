"""A mixture of Bernoullis, fitted by expectation maximisation: the baseline of a VAE on binary data.

    p(x) = Σ_k π_k Π_d θ_kd^x_d (1 − θ_kd)^(1 − x_d)

Its likelihood is exact and it is fitted in seconds, so a deep model has to beat it to be worth its cost. With one
component it is the independent Bernoulli. (Bishop 2006, section 9.3.3.)
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import chex
import numpy as np
from scipy.special import logsumexp

from deeplearn.baselines.classical import LIMIT, Thunks
from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.metrics.bounds import bits_per_dim

SIZES = (10, 20, 50, 100)  # numbers of components; validation chooses one

# Every component has seen this many ones and zeros of each pixel before the first example, a Beta(1 + a,
# 1 + a) prior. Without it a pixel that is always off in training gives a test image probability zero.
PSEUDO_COUNT = 0.1


class BernoulliMixture(NamedTuple):
    """log_weights: [K], log π. probabilities: [K, D], θ, strictly between 0 and 1."""

    log_weights: np.ndarray
    probabilities: np.ndarray


def log_likelihood(x: np.ndarray, model: BernoulliMixture) -> np.ndarray:
    """log p(x) in nats, [N], of binary data x [N, D]."""
    chex.assert_shape(x, (None, model.probabilities.shape[1]))
    return logsumexp(_joint(x, model), axis=1)


def log_posterior(x: np.ndarray, model: BernoulliMixture) -> float:
    """What `em_step` increases: the data's log likelihood plus the prior's log density, up to a constant."""
    prior = np.log(model.probabilities) + np.log1p(-model.probabilities)
    return float(log_likelihood(x, model).sum() + PSEUDO_COUNT * (prior.sum() + model.log_weights.sum()))


def em_step(x: np.ndarray, model: BernoulliMixture) -> BernoulliMixture:
    """One step of expectation maximisation on binary data x [N, D] (Bishop 2006, eqs. 9.56 to 9.60)."""
    joint = _joint(x, model)
    responsibilities = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))  # [N, K]
    counts = responsibilities.sum(axis=0)  # [K] examples that each component accounts for
    weights = (counts + PSEUDO_COUNT) / (len(x) + PSEUDO_COUNT * len(counts))
    probabilities = (responsibilities.T @ x + PSEUDO_COUNT) / (counts[:, None] + 2 * PSEUDO_COUNT)
    return BernoulliMixture(np.log(weights), probabilities)


def fit(x: np.ndarray, components: int, seed: int, iterations: int = 100, restarts: int = 4) -> BernoulliMixture:
    """The best of several fits by `log_posterior`, each from its own random start.

    Args:
        x: [N, D] data in {0, 1}.
        components: K ≤ N.
        seed: determines the starts, and so the result.
        iterations: steps of expectation maximisation in each fit.
    """
    chex.assert_rank(x, 2)
    x = np.asarray(x, np.float64)
    generator = np.random.default_rng(seed)
    fits = []
    for _ in range(restarts):
        # Each component starts near a different example: components that start equal stay equal.
        examples = x[generator.choice(len(x), components, replace=False)]
        model = BernoulliMixture(np.full(components, -np.log(components)), 0.25 + 0.5 * examples)
        for _ in range(iterations):
            model = em_step(x, model)
        fits.append(model)
    return max(fits, key=lambda model: log_posterior(x, model))


def fit_best(train: np.ndarray, validation: np.ndarray, sizes: Iterable[int], seed: int) -> BernoulliMixture:
    """The mixture, fitted to `train` [N, D], whose size gives `validation` [M, D] the highest likelihood."""
    models = [fit(train, size, seed) for size in sizes]
    if len(models) == 1:  # nothing to choose
        return models[0]
    return max(models, key=lambda model: log_likelihood(validation, model).mean())


def bernoulli_mixtures(
    dataset: Dataset,
    observe: Callable[[np.ndarray], Any],
    *,
    sizes: Iterable[int] = SIZES,
    limit: int = LIMIT,
    test_limit: int | None = LIMIT,
    seed: int = 0,
) -> Thunks:
    """{"independent Bernoullis", "mixture of Bernoullis": thunk} on images in black and white.

    observe: images [N, H, W, C] in [0, 1] -> {0, 1} of any shape [N, ...].
    sizes: numbers of components, of which the best on validation is taken. A size that exceeds the number of
        training images is left out.
    limit: number of training images. test_limit: number of images of the validation and of the test split.

    Metrics: `nll`, nats per test image, exact; `bits_per_dim`; `components`.
    """

    def splits() -> list[np.ndarray]:
        limits = ((dataset.train, limit), (dataset.validation, test_limit), (dataset.test, test_limit))
        observed = [np.asarray(observe(split.arrays(first)["image"])) for split, first in limits]
        return [x.reshape(len(x), -1) for x in observed]

    def row(several: bool) -> Measured:
        train, validation, test = splits()
        possible = [size for size in sizes if size <= len(train)] if several else [1]
        model = fit_best(train, validation, possible or [1], seed)
        nll = -float(log_likelihood(test, model).mean())
        bits = bits_per_dim(nll, test.shape[1])
        return Measured({"nll": nll, "bits_per_dim": bits, "components": len(model.log_weights)})

    return {
        "independent Bernoullis": functools.partial(row, False),
        "mixture of Bernoullis": functools.partial(row, True),
    }


def _joint(x: np.ndarray, model: BernoulliMixture) -> np.ndarray:
    """log p(x, component) as [N, K], by two matrix products."""
    log_on, log_off = np.log(model.probabilities), np.log1p(-model.probabilities)
    return model.log_weights + x @ (log_on - log_off).T + log_off.sum(axis=1)
