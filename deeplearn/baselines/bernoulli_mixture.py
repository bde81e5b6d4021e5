"""A mixture of Bernoullis, fitted by expectation maximisation: the baseline of a VAE on binary data.

    p(x) = Σ_k π_k Π_d θ_kd^x_d (1 − θ_kd)^(1 − x_d)

Its likelihood is exact and its fit takes seconds, so a deep model has to beat it to be worth its cost.
With one component it is the independent Bernoulli. (Bishop 2006, section 9.3.3.)
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

# Every component has seen this many ones and zeros of each pixel before the first example, a Beta(1 + a,
# 1 + a) prior. Without it a pixel that is always off in training gives a test image probability zero.
PSEUDO_COUNT = 0.1


class BernoulliMixture(NamedTuple):
    """log_weights: [K], log π. probabilities: [K, D], θ, strictly between 0 and 1."""

    log_weights: np.ndarray
    probabilities: np.ndarray


def log_likelihood(x: np.ndarray, model: BernoulliMixture) -> np.ndarray:
    """log p(x) in nats, [N], of binary data x [N, D]."""
    return logsumexp(_joint(x, model), axis=1)


def log_posterior(x: np.ndarray, model: BernoulliMixture) -> float:
    """What `em_step` climbs: the data's log likelihood plus the prior's log density, up to a constant."""
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
        seed: decides the starts, and with them the result.
        iterations: steps of expectation maximisation in each fit.
    """
    x = np.asarray(x, np.float64)
    generator = np.random.default_rng(seed)
    fits = []
    for _ in range(restarts):
        # Each component starts near an example of its own: components that start alike stay alike.
        examples = x[generator.choice(len(x), components, replace=False)]
        model = BernoulliMixture(np.full(components, -np.log(components)), 0.25 + 0.5 * examples)
        for _ in range(iterations):
            model = em_step(x, model)
        fits.append(model)
    return max(fits, key=lambda model: log_posterior(x, model))


def fit_best(train: np.ndarray, validation: np.ndarray, sizes: Iterable[int], seed: int) -> BernoulliMixture:
    """The mixture, fitted to `train` [N, D], whose size gives `validation` [M, D] the highest likelihood."""
    return max(
        (fit(train, size, seed) for size in sizes),
        key=lambda model: log_likelihood(validation, model).mean(),
    )


def _joint(x: np.ndarray, model: BernoulliMixture) -> np.ndarray:
    """log p(x, component) as [N, K], by two matrix products."""
    log_on, log_off = np.log(model.probabilities), np.log1p(-model.probabilities)
    return model.log_weights + x @ (log_on - log_off).T + log_off.sum(axis=1)
