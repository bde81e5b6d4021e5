"""What classifiers without a network get right: the rows beside a network's accuracy."""

from __future__ import annotations

import warnings
from typing import Any

from deeplearn.data import Dataset

MOST = 10_000  # training examples: a kernel's cost grows with their square
TRIAL = 2000  # examples on which settings are tried


def classical_accuracy(dataset: Dataset) -> dict[str, dict[str, float]]:
    """{method: {"accuracy": test accuracy}} on flat images: logistic regression, k nearest neighbours, RBF SVM.

    Their penalty, neighbours and cost are chosen on the validation split after a fit to 2,000 training examples. At
    most 10,000 are used for the last fit, and the row says so where there are more.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    def flat(split: Any, limit: int | None) -> tuple[Any, Any]:
        columns = split.arrays(limit)
        return columns["image"].reshape(len(columns["image"]), -1), columns["label"]

    train, trial = flat(dataset.train, MOST), flat(dataset.train, TRIAL)
    validation, test = flat(dataset.validation, TRIAL), flat(dataset.test, None)
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
            scores = [model.fit(*trial).score(*validation) for model in settings]
            best = settings[scores.index(max(scores))]
            rows[name + note] = {"accuracy": float(best.fit(*train).score(*test))}
    return rows
