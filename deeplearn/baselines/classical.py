"""What classifiers without a network get right: the rows beside a network's accuracy."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deeplearn.data import Dataset
from deeplearn.data.split import Split
from deeplearn.nn.functional import flat

MOST = 10_000  # training examples: a kernel's cost grows with their square
TRIAL = 2000  # examples on which settings are tried


Labelled = tuple[np.ndarray, np.ndarray]  # flat images [N, pixels], labels [N]


def labelled(split: Split, limit: int | None = None) -> Labelled:
    """The split's first `limit` images and labels, all without a limit."""
    columns = split.arrays(limit)
    return flat(columns["image"]), columns["label"]


def best_of(settings: Sequence[Any], train: Labelled, validation: Labelled) -> Any:
    """Of scikit-learn's classifiers, all fitted to `train`, the first that is best on validation."""
    return max(settings, key=lambda model: model.fit(*train).score(*validation))


def fitted_accuracy(models: Mapping[str, Any], dataset: Dataset, most: int = MOST) -> dict[str, dict[str, float]]:
    """{name: {"accuracy": test accuracy}} of scikit-learn's classifiers, fitted to at most `most` images."""
    train, test = labelled(dataset.train, most), labelled(dataset.test)
    return {name: {"accuracy": model.fit(*train).score(*test)} for name, model in models.items()}


def classical_accuracy(dataset: Dataset) -> dict[str, dict[str, float]]:
    """{method: {"accuracy": test accuracy}} on flat images: logistic regression, k nearest neighbours, RBF SVM.

    Their penalty, neighbours and cost are chosen on the validation split after a fit to 2,000 training examples. At
    most 10,000 are used for the last fit, and the row says so where there are more.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    train, trial = labelled(dataset.train, MOST), labelled(dataset.train, TRIAL)
    validation, test = labelled(dataset.validation, TRIAL), labelled(dataset.test)
    methods: dict[str, list[Any]] = {
        "logistic regression": [LogisticRegression(C=c, max_iter=100) for c in (0.1, 1.0)],
        "k nearest neighbours": [KNeighborsClassifier(k) for k in (1, 3, 5)],
        "RBF SVM": [SVC(C=c) for c in (1.0, 10.0)],
    }
    note = f", {MOST} examples" if len(dataset.train) > MOST else ""
    rows = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of 100 iterations, which are enough for a baseline
        for name, settings in methods.items():
            best = best_of(settings, trial, validation)
            rows[name + note] = {"accuracy": float(best.fit(*train).score(*test))}
    return rows
