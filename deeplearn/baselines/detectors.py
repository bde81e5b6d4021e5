"""Detectors of anomalies without a network, fitted to normal examples only."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import chex
import numpy as np

from deeplearn.baselines.classical import Thunks
from deeplearn.baselines.pca import fitted_pca
from deeplearn.measured import Measured
from deeplearn.metrics.detection import auroc, detection

Splits = Mapping[str, np.ndarray]  # of "validation" and "test"


def _pca(train: np.ndarray, x: np.ndarray, components: float) -> np.ndarray:
    fitted = fitted_pca(train, int(components))
    return np.square(fitted.inverse_transform(fitted.transform(x)) - x).sum(-1)


def _nearest(train: np.ndarray, x: np.ndarray, neighbours: float) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=int(neighbours)).fit(train).kneighbors(x)[0].mean(-1)


def _one_class_svm(train: np.ndarray, x: np.ndarray, times: float) -> np.ndarray:
    from sklearn.svm import OneClassSVM

    # Multiples of scikit-learn's default, which takes 1 for the variance of what does not vary.
    gamma = times / (train.shape[-1] * (train.var() or 1))
    return -OneClassSVM(gamma=gamma, nu=0.1).fit(train).score_samples(x)


def _isolation_forest(train: np.ndarray, x: np.ndarray, trees: float) -> np.ndarray:
    from sklearn.ensemble import IsolationForest

    return -IsolationForest(n_estimators=int(trees), random_state=0).fit(train).score_samples(x)


class Detector(NamedTuple):
    """score(train [n, D], x [N, D], setting) -> anomaly scores [N]; setting: its name; settings: to choose from.

    The first setting is taken where no metric can choose.
    """

    score: Callable[[np.ndarray, np.ndarray, float], np.ndarray]
    setting: str
    settings: tuple[float, ...]


DETECTORS = {
    "PCA": Detector(_pca, "components", (8, 1, 2, 4, 12, 16, 32)),
    "isolation forest": Detector(_isolation_forest, "trees", (100,)),
    "one-class SVM": Detector(_one_class_svm, "gamma_scale", (1, 0.25, 4, 16)),
    "nearest neighbour": Detector(_nearest, "neighbours", (1,)),
}


def detectors(train: Sequence[np.ndarray], x: Splits, anomalous: Splits) -> Thunks:
    """{"PCA", "isolation forest", "one-class SVM", "nearest neighbour": thunk}.

    Each has one setting for all problems: the one with the largest AUROC on validation, where there are anomalies.

    Args:
        train: for each problem its normal examples [n, D].
        x: {"validation" and "test": [N, D]}. anomalous: {"validation" and "test": [problems, N] bool}.

    Metrics: those of `metrics.detection.detection`, and the setting: `components`, `trees`, `gamma_scale` (times
    scikit-learn's default) or `neighbours`. Arrays: `validation` and `test`, anomaly scores [problems, N].
    """
    chex.assert_rank([*train, x["validation"], x["test"], anomalous["validation"], anomalous["test"]], 2)

    def row(detector: Detector) -> Measured:
        both = np.concatenate([x["validation"], x["test"]])
        tried: list[dict[str, Any]] = []
        for setting in detector.settings:
            scores = np.stack([detector.score(rows, both, setting) for rows in train])
            parts = np.split(scores, [len(x["validation"])], axis=1)
            tried.append(dict(zip(("validation", "test"), parts, strict=True)))
        areas = [auroc(scores["validation"], anomalous["validation"]) for scores in tried]
        best = int(np.argmax(np.nan_to_num(areas)))  # the first if all are NaN
        facts = {detector.setting: detector.settings[best]}
        return Measured({**detection(tried[best], anomalous), **facts}, tried[best])

    return {name: functools.partial(row, detector) for name, detector in DETECTORS.items()}
