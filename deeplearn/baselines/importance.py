"""Importance weights w(x) = p_target(x) / p_source(x) from examples of both: for where only P(x) shifts.

With these weights a mean over source examples is one over the target (Shimodaira 2000). All of them average 1 over
the source. Each estimator takes source [n, D] and target [m, D] and returns the weights of the source's rows, [n].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chex
import numpy as np
from scipy.optimize import Bounds, minimize

from deeplearn.errors import UserError

LIMIT = 100.0  # the largest odds or weight before weights are scaled: one example should not be all that counts
CENTRES = 100  # kernels of KLIEP, at target examples
WIDTHS = (0.25, 0.5, 1.0, 2.0)  # of kernels, as multiples of the median distance
FOLDS = 5
SQUARED = 30  # features, up to which a classifier of domains sees their products


def by_classifier(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(n / m) · P(target | x) / P(source | x) of a logistic regression (Bickel et al. 2007).

    On the features and, of up to 30, their squares and products, which is exact for Gaussians. Its penalty is
    chosen by the likelihood of held-out rows, so it says little where there is little to say. Odds are cut at 100
    before the weights are scaled to mean 1. UserError for fewer than five rows of either.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    _check(source, target)
    features = PolynomialFeatures(2 if source.shape[1] <= SQUARED else 1, include_bias=False)
    logistic = make_pipeline(StandardScaler(), features, StandardScaler(), LogisticRegression(max_iter=1000))
    grid = {"logisticregression__C": (1e-3, 1e-2, 0.1, 1.0, 100.0)}
    folds = shuffled_folds(min(len(source), len(target)))
    model = GridSearchCV(logistic, grid, cv=folds, scoring="neg_log_loss")
    model.fit(np.concatenate([source, target]), np.repeat([0, 1], [len(source), len(target)]))
    log_odds = model.decision_function(source)
    return _mean_one(np.exp(np.minimum(log_odds, np.log(LIMIT))) * len(source) / len(target))


def kliep(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """w(x) = Σ_l α_l φ_l(x), α ≥ 0, that maximises Σ_target log w with mean weight 1 (Sugiyama et al. 2008).

    φ are Gaussian kernels at up to 100 target examples; their width is that of the largest mean log w of held-out
    target examples. The maximum is that of a mixture's proportions, so it is found by EM, which keeps both
    constraints.
    """
    _check(source, target)
    if len(target) < 2:
        raise UserError("KLIEP holds out examples of the target, so it needs at least two")
    rng = np.random.default_rng(0)
    order = rng.permutation(len(target))
    centres, scale = target[order[:CENTRES]], median_distance(source, target)

    def kernels(x: np.ndarray, width: float) -> np.ndarray:
        return gaussian_kernel(x, centres, width * scale)

    folds = np.array_split(order, min(FOLDS, len(target)))

    def score(width: float) -> float:
        of_source, of_target = kernels(source, width), kernels(target, width)
        found = []
        for fold in folds:
            alpha = _proportions(of_source, np.delete(of_target, fold, axis=0), steps=50)
            found.append(np.log(of_target[fold] @ alpha + 1e-300).mean())
        return float(np.mean(found))

    width = max(WIDTHS, key=score)
    of_source = kernels(source, width)
    return of_source @ _proportions(of_source, kernels(target, width))


def _proportions(of_source: np.ndarray, of_target: np.ndarray, steps: int = 300) -> np.ndarray:
    """α of KLIEP, [kernels], from kernels of source and target rows [n, kernels] and [m, kernels]."""
    mean = np.maximum(of_source.mean(0), 1e-12)
    density = of_target / mean
    share = np.full(len(mean), 1 / len(mean))
    for _ in range(steps):
        share = share * (density / np.maximum(density @ share, 1e-300)[:, None]).mean(0)
        share /= share.sum()
    return share / mean


def kernel_mean_matching(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Weights whose weighted mean of kernels is nearest the target's (Huang et al. 2007), scaled to mean 1.

    min ½ wᵀKw − κᵀw over w in [0, 100]ⁿ with κ_i = (n / m) Σ_j k(x_i, t_j); k Gaussian, as wide as the median
    distance. The paper keeps the mean within ε of 1 while it minimises; here w is divided by its mean afterwards,
    after which a weight may be above 100. Memory: n × n and n × m numbers.
    """
    _check(source, target)
    width, n = median_distance(source, target), len(source)
    within = gaussian_kernel(source, source, width) / n
    across = gaussian_kernel(source, target, width).mean(1)
    found = minimize(
        lambda w: (0.5 * w @ within @ w - across @ w, within @ w - across),
        np.ones(n),
        jac=True,
        bounds=Bounds(0, LIMIT),
        method="L-BFGS-B",
    )
    if not found.x.any():
        raise UserError("no example of the source is near one of the target: nothing can be matched")
    return _mean_one(found.x)


ESTIMATORS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "a classifier of domains": by_classifier,
    "KLIEP": kliep,
    "kernel mean matching": kernel_mean_matching,
}


def gaussian_kernel(x: np.ndarray, y: np.ndarray, width: float) -> np.ndarray:
    """exp(−‖x − y‖² / (2 width²)) of all pairs of [n, D] and [m, D]: [n, m]."""
    from scipy.spatial.distance import cdist

    return np.exp(-cdist(x, y, "sqeuclidean") / (2 * width**2))


def median_distance(source: np.ndarray, target: np.ndarray, rows: int = 500) -> float:
    """The median distance of two of the first rows of both."""
    from scipy.spatial.distance import pdist

    distance = float(np.median(pdist(np.concatenate([source[:rows], target[:rows]]))))
    return distance or 1.0


def shuffled_folds(rows: int) -> Any:
    """Five random parts of two sets, of which the smaller has so many rows. UserError where those are too few.

    Random, because rows may be ordered, by their classes or fonts, and each part should have some of all.
    """
    from sklearn.model_selection import StratifiedKFold

    if rows < FOLDS:
        raise UserError(f"two sets are told apart in {FOLDS} parts, so each needs as many rows: one has {rows}")
    return StratifiedKFold(FOLDS, shuffle=True, random_state=0)


def _mean_one(weights: np.ndarray) -> np.ndarray:
    return weights / weights.mean()


def _check(source: np.ndarray, target: np.ndarray) -> None:
    chex.assert_rank([source, target], 2)
    chex.assert_equal_shape_suffix([source, target], 1)
