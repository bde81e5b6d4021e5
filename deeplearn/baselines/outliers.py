"""Anomaly detection: detectors without a network, and what is measured of any detector."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

FALSE_ALARMS = 0.05  # share of normal validation examples above the threshold of a detector

Scores = Mapping[str, np.ndarray]


def _pca(train: np.ndarray, x: np.ndarray, components: float) -> np.ndarray:
    from sklearn.decomposition import PCA

    fitted = PCA(min(int(components), *train.shape), random_state=0).fit(train)
    return np.square(fitted.inverse_transform(fitted.transform(x)) - x).sum(-1)


def _nearest(train: np.ndarray, x: np.ndarray, neighbours: float) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=int(neighbours)).fit(train).kneighbors(x)[0].mean(-1)


def _one_class_svm(train: np.ndarray, x: np.ndarray, times: float) -> np.ndarray:
    from sklearn.svm import OneClassSVM

    gamma = times / (train.shape[-1] * train.var())  # scikit-learn's default, some times over
    return -OneClassSVM(gamma=gamma, nu=0.1).fit(train).score_samples(x)


def _isolation_forest(train: np.ndarray, x: np.ndarray, trees: float) -> np.ndarray:
    from sklearn.ensemble import IsolationForest

    return -IsolationForest(n_estimators=int(trees), random_state=0).fit(train).score_samples(x)


# The settings that a detector chooses from; the first where there is nothing to choose by.
DETECTORS: dict[str, tuple[Callable[..., np.ndarray], tuple[float, ...]]] = {
    "PCA({})": (_pca, (8, 1, 2, 4, 12, 16, 32)),
    "isolation forest, {} trees": (_isolation_forest, (100,)),
    "one-class SVM, gamma ×{}": (_one_class_svm, (1, 0.25, 4, 16)),
    "{}-nearest neighbour": (_nearest, (1,)),
}


def auroc(scores: np.ndarray, anomalous: np.ndarray) -> float:
    """Area under the ROC curve, averaged over problems; NaN where no problem has both kinds of example.

    Args:
        scores: [problems, N], higher for what is more anomalous. anomalous: [problems, N] bool.
    """
    from sklearn.metrics import roc_auc_score

    areas = [roc_auc_score(a, s) for s, a in zip(scores, anomalous, strict=True) if 0 < a.sum() < len(a)]
    return float(np.mean(areas)) if areas else float("nan")


def detection(scores: Scores, anomalous: Scores) -> dict[str, float]:
    """What is reported of a detector, averaged over problems.

    auroc, validation_auroc: only where there are anomalies. A threshold is set that 5 % of the normal validation
    examples exceed; false_alarms and detected are the shares of normal and of anomalous test examples above it.

    Args:
        scores, anomalous: {"validation" and "test": [problems, N]}.
    """
    row = {"auroc": auroc(scores["test"], anomalous["test"])}
    row["validation_auroc"] = auroc(scores["validation"], anomalous["validation"])
    shares: dict[str, list[float]] = {"detected": [], "false_alarms": []}
    for seen, normal, score, wrong in zip(
        scores["validation"], ~anomalous["validation"], scores["test"], anomalous["test"], strict=True
    ):
        if normal.any():
            above = score > np.quantile(seen[normal], 1 - FALSE_ALARMS)
            for name, chosen in (("detected", wrong), ("false_alarms", ~wrong)):
                if chosen.any():
                    shares[name].append(float(above[chosen].mean()))
    row |= {name: float(np.mean(values)) for name, values in shares.items() if values}
    return {name: value for name, value in row.items() if np.isfinite(value)}


def classical_scores(train: Sequence[np.ndarray], x: Scores, anomalous: Scores) -> dict[str, dict[str, np.ndarray]]:
    """{detector: {split: scores [problems, N]}} of the detectors above, each with one setting for all problems.

    The setting is the one with the largest AUROC on validation, where there are anomalies.

    Args:
        train: for each problem its normal examples [n, features]. x: {split: [N, features]}.
        anomalous: {split: [problems, N]}.
    """
    both = np.concatenate([x["validation"], x["test"]])
    result: dict[str, dict[str, np.ndarray]] = {}
    for name, (score, settings) in DETECTORS.items():
        tried: list[Any] = []
        for setting in settings:
            scores = np.stack([score(rows, both, setting) for rows in train])
            parts = np.split(scores, [len(x["validation"])], axis=1)
            tried.append(dict(zip(("validation", "test"), parts, strict=True)))
        areas = [auroc(scores["validation"], anomalous["validation"]) for scores in tried]
        best = int(np.argmax(np.nan_to_num(areas)))  # all NaN: the first
        result[name.format(settings[best])] = tried[best]
    return result
