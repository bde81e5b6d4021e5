"""Adaptation without a network: how far two domains are apart, and classifiers on aligned pixels."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import chex
import numpy as np

from deeplearn.baselines.classical import Labelled, Thunks, estimator, fit_quietly
from deeplearn.baselines.importance import by_classifier, shuffled_folds
from deeplearn.data.domains import Domains
from deeplearn.data.split import Split
from deeplearn.data.subsets import evenly_spaced
from deeplearn.errors import UserError
from deeplearn.measured import Measured
from deeplearn.nn.functional import flat

LIMIT = 2000  # rows of a split on which a network is measured, or whose statistics normalise
FITTED = 5000  # rows of the source to which a classifier of pixels is fitted
COMPONENTS = 30  # of both subspaces, or fewer where there are fewer rows or pixels
RIDGE = 1.0  # on the diagonal of CORAL's covariances, as in the paper


def a_distance(source: np.ndarray, target: np.ndarray) -> float:
    """Proxy A-distance 2 (1 − 2ε) of features [n, D] and [m, D], from 0, the same, to 2 (Ben-David et al. 2007).

    ε is the error of a logistic regression that tells the two apart, cross-validated over five random parts of
    equally many rows of each; worse than chance is 0. UserError for fewer than five rows of either, and where a
    feature is not finite.
    """
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    chex.assert_rank([source, target], 2)
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        raise UserError(
            "features are not finite, so no distance of domains can be measured: has training diverged?"
        )
    count = min(len(source), len(target))
    # Evenly spaced rows, because data may be ordered.
    each = [x[np.linspace(0, len(x) - 1, count).astype(int)] for x in (source, target)]
    model = make_pipeline(StandardScaler(), estimator("LogisticRegression", max_iter=1000))
    right = cross_val_score(model, np.concatenate(each), np.repeat([0, 1], count), cv=shuffled_folds(count)).mean()
    return max(0.0, float(2 * (2 * right - 1)))


def measured(see: Callable[[np.ndarray, np.ndarray], Any], domains: Domains, of: str) -> Measured:
    """A row for a classifier: what it does on the target's test, and by what it may be chosen without its labels.

    see(statistics, image): logits [N, classes] and features [N, D] of images, normalised by those in `statistics`.
    of: whose statistics the target is normalised by, "source" or "target"; the source has its own.

    accuracy: on the target's test. source_accuracy, a_distance: on the validation splits. bound: the source's
    error + ½ a_distance, after the bound of Ben-David et al. (2010, theorem 2), in which the error of the best
    classifier for both is added; a proxy, it bounds nothing. weighted_error: the source's error under importance
    weights by a classifier of domains on the features (Sugiyama et al. 2007). oracle_accuracy: on the target's
    validation, with its labels: what nobody has. Of each split at most 2,000 rows count, evenly spaced. Arrays:
    `features` of both validation splits and their `label`.
    """
    sides = domains._asdict().items()
    statistics = {name: evenly_spaced(side.train, LIMIT)["image"] for name, side in sides}
    held_out = {name: evenly_spaced(side.validation, LIMIT) for name, side in sides}
    test = evenly_spaced(domains.target.test, LIMIT)

    def right(statistics: np.ndarray, batch: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        logits, features = (np.asarray(x) for x in see(statistics, batch["image"]))
        return logits.argmax(-1) == batch["label"], features

    source, source_features = right(statistics["source"], held_out["source"])
    target, target_features = right(statistics[of], held_out["target"])
    apart = a_distance(source_features, target_features)
    weights = by_classifier(source_features, target_features)
    metrics = {
        "accuracy": float(right(statistics[of], test)[0].mean()),
        "source_accuracy": float(source.mean()),
        "a_distance": apart,
        "bound": float(1 - source.mean() + apart / 2),
        "weighted_error": float(weights @ ~source / len(source)),
        "oracle_accuracy": float(target.mean()),
    }
    arrays = {"features": (source_features, target_features), "label": tuple(x["label"] for x in held_out.values())}
    return Measured(metrics, arrays)


def choices(rows: Mapping[str, Measured]) -> dict[str, Measured]:
    """For each rule, and for an oracle, a row with the `accuracy` of what it would choose among `rows`.

    `cost` is how much more the oracle's choice has; arrays: the row that was `chosen`.
    """
    oracle_row = max(rows, key=lambda row: rows[row].metrics["oracle_accuracy"])
    oracle = rows[oracle_row]
    found = {}
    for rule, metric in (("the bound", "bound"), ("the weighted error", "weighted_error")):
        chosen = min(rows, key=lambda row: (rows[row].metrics[metric], list(rows).index(row)))
        accuracy = rows[chosen].metrics["accuracy"]
        cost = oracle.metrics["accuracy"] - accuracy
        found[f"chosen by {rule}"] = Measured({"accuracy": accuracy, "cost": cost}, {"chosen": chosen})
    best = {"accuracy": oracle.metrics["accuracy"], "cost": 0.0}
    return found | {"chosen by an oracle": Measured(best, {"chosen": oracle_row})}


def subspace_alignment(source: np.ndarray, target: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Source and test rows in the target's subspace, [n, k] and [t, k] (Fernando et al. 2013, algorithm 1).

    Rows are standardised by domain. With the principal components X_s and X_t of source and target the source goes
    to S X_s X_sᵀ X_t, what is of the target to T X_t.
    """
    source, test = _standard(source, source), _standard(test, target)
    target = _standard(target, target)
    k = min(COMPONENTS, *source.shape, *target.shape)
    of_source, of_target = (np.linalg.svd(x, full_matrices=False)[2][:k].T for x in (source, target))
    return source @ of_source @ (of_source.T @ of_target), test @ of_target


def coral_transform(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The source [n, D] with the target's covariance: S C_s^−½ C_t^½, C the covariance + I.

    Sun et al. 2016, algorithm 1. The rows should be standardised.
    """

    def power(x: np.ndarray, exponent: float) -> np.ndarray:
        values, vectors = np.linalg.eigh(np.cov(x, rowvar=False) + RIDGE * np.eye(x.shape[1]))
        return (vectors * values**exponent) @ vectors.T

    return source @ power(source, -0.5) @ power(target, 0.5)


def on_pixels(domains: Domains) -> Thunks:
    """{row: thunk} of logistic regressions on pixels of the source, with nothing aligned and with two alignments.

    They are fitted to at most 5,000 rows of the source, evenly spaced. Metric: `accuracy`, 0 to 1, on the rows of
    the target's test split on which networks are `measured`; those of its training split align it, too.
    """

    def nothing(source: np.ndarray, target: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return source, test

    def coral(source: np.ndarray, target: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        test = _standard(test, target)
        return coral_transform(_standard(source, source), _standard(target, target)), test

    def row(align: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Measured:
        source, label = _flat(domains.source.train, FITTED)
        test, answer = _flat(domains.target.test, LIMIT)
        target, _ = _flat(domains.target.train, LIMIT)
        x, seen = align(source.astype(np.float64), target.astype(np.float64), test.astype(np.float64))
        return Measured({"accuracy": _accuracy((x, label), (seen, answer))})

    methods = {"pixels": nothing, "pixels, subspace alignment": subspace_alignment, "pixels, CORAL": coral}
    return {f"logistic regression on {name}": functools.partial(row, align) for name, align in methods.items()}


def _flat(split: Split, limit: int) -> Labelled:
    columns = evenly_spaced(split, limit)
    return flat(columns["image"]), columns["label"]


def _accuracy(train: Labelled, test: Labelled) -> float:
    return float(fit_quietly(estimator("LogisticRegression", max_iter=300), *train).score(*test))


def _standard(x: np.ndarray, of: np.ndarray) -> np.ndarray:
    """x by the mean and the standard deviation of `of`; what never varies stays 0."""
    std = of.std(0)
    return (x - of.mean(0)) / np.where(std > 1e-6, std, 1)
