"""Classifiers of texts by the words in them, in no order: what a network that reads is compared with."""

from __future__ import annotations

import functools

import numpy as np

from deeplearn.baselines.classical import Thunks, best_of, estimator, fit_quietly
from deeplearn.data import Dataset
from deeplearn.measured import Measured

PENALTIES = (0.1, 1.0)  # C of scikit-learn's logistic regression
LIMIT = 10_000  # training examples
FEATURES = 3000  # the most frequent words and runs
RUNS = {"words": (1, 1), "runs of words": (1, 3)}


def word_counts(dataset: Dataset) -> Thunks:
    """{row: thunk} of `text` with `label`: the most frequent label, and logistic regression on counts of words and
    of runs of up to three words. Words are what spaces separate; the penalty is chosen on validation."""
    rows = {f"logistic regression on {name}": functools.partial(_regression, dataset, RUNS[name]) for name in RUNS}
    return {"most frequent label": functools.partial(_most_frequent, dataset), **rows}


def _most_frequent(dataset: Dataset) -> Measured:
    label = np.bincount(dataset.train.arrays()["label"]).argmax()
    return Measured({"accuracy": float((dataset.test.arrays()["label"] == label).mean())})


def _regression(dataset: Dataset, runs: tuple[int, int]) -> Measured:
    from sklearn.feature_extraction.text import CountVectorizer

    limits = (dataset.train, LIMIT), (dataset.validation, None), (dataset.test, None)
    columns = [split.arrays(limit) for split, limit in limits]
    counts = CountVectorizer(
        token_pattern=r"\S+", lowercase=False, ngram_range=runs, max_features=FEATURES, dtype=np.float32
    ).fit(columns[0]["text"])
    train, validation, test = ((counts.transform(one["text"]).toarray(), one["label"]) for one in columns)
    models = [estimator("LogisticRegression", C=c, max_iter=200) for c in PENALTIES]
    best = fit_quietly(best_of(models, train, validation), *train)
    return Measured({"accuracy": float(best.score(*test))})
