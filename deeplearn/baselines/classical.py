"""scikit-learn's classifiers on flat images: what a network's accuracy is compared with.

Every function returns {row: thunk}; a thunk fits when it is called and returns its row. The fit does not change the
names of rows: what was chosen on validation, and how many examples were fitted where that is not all, are metrics.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import chex
import numpy as np

from deeplearn.data import Dataset
from deeplearn.data.split import Split
from deeplearn.measured import Measured
from deeplearn.metrics.statistics import summary
from deeplearn.nn.functional import flat

LIMIT = 10_000  # training examples: a kernel's cost grows with their square
TRIAL = 2000  # examples on which settings are compared
SEEDS = 5  # for a method whose result depends on one

# scikit-learn's classifiers by the names of their classes.
CLASSIFIERS = {
    "KNeighborsClassifier": "neighbors",
    "LogisticRegression": "linear_model",
    "MLPClassifier": "neural_network",
    "MultinomialNB": "naive_bayes",
    "RandomForestClassifier": "ensemble",
    "SGDClassifier": "linear_model",
    "SVC": "svm",
}

Labelled = tuple[np.ndarray, np.ndarray]  # flat images [N, pixels], labels [N]
Thunks = dict[str, Callable[[], Measured]]


def labelled(split: Split, limit: int | None = None) -> Labelled:
    """The split's first `limit` images, flat, [N, pixels] and labels [N]; all of them without a limit."""
    columns = split.arrays(limit)
    return flat(columns["image"]), columns["label"]


def estimator(name: str, **settings: Any) -> Any:
    """scikit-learn's classifier of that class name, e.g. `estimator("LogisticRegression", max_iter=300)`.

    ValueError where `CLASSIFIERS` has no such name.
    """
    if name not in CLASSIFIERS:
        raise ValueError(f"there is no classifier {name!r}: choose from {', '.join(CLASSIFIERS)}")
    return getattr(importlib.import_module(f"sklearn.{CLASSIFIERS[name]}"), name)(**settings)


def fit_quietly(model: Any, x: np.ndarray, label: np.ndarray) -> Any:
    """The model, fitted to x [N, D], dense or sparse, and label [N], without a warning if it did not converge.

    What scikit-learn refuses has the answer that is left: of one class alone that class is predicted, and of fewer
    examples than neighbours all vote.
    """
    from sklearn.base import clone
    from sklearn.dummy import DummyClassifier
    from sklearn.exceptions import ConvergenceWarning

    chex.assert_rank([x, label], [2, 1])
    chex.assert_equal_shape_prefix([x, label], 1)
    if len(np.unique(label)) == 1:
        return DummyClassifier().fit(x, label)
    if getattr(model, "n_neighbors", 0) > x.shape[0]:
        model = clone(model).set_params(n_neighbors=x.shape[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, label)


def best_of(candidates: Sequence[Any], train: Labelled, validation: Labelled) -> Any:
    """The one of scikit-learn's classifiers that is best on validation, fitted to `train`; the first of equals."""
    return max(candidates, key=lambda model: _score(model, train, validation))


def fitted(
    dataset: Dataset,
    models: Mapping[str, Any],
    *,
    limit: int = LIMIT,
    test_limit: int | None = None,
    seeds: int = 1,
    metric: str = "accuracy",
) -> Thunks:
    """{row: thunk} of classifiers with the settings given, each fitted to the first `limit` training images.

    models: {row: scikit-learn's classifier}, see `estimator`; copies of them are fitted.
    seeds: over 1, each is fitted with `random_state` 0 … seeds − 1, and the metric is {"mean", "stderr"}.
    metric: its name; the test accuracy, 0 to 1, on the first `test_limit` test images.
    """

    def row(model: Any) -> Measured:
        from sklearn.base import clone

        train, test = labelled(dataset.train, limit), labelled(dataset.test, test_limit)
        if seeds == 1:
            return Measured({metric: _score(clone(model), train, test), **_examples(dataset, limit)})
        copies = [clone(model).set_params(random_state=seed) for seed in range(seeds)]
        scores = [{metric: _score(copy, train, test)} for copy in copies]
        return Measured({**summary(scores), **_examples(dataset, limit)})

    return {name: functools.partial(row, model) for name, model in models.items()}


def mlp(
    dataset: Dataset,
    hidden: Sequence[int] = (100,),
    *,
    row: str = "scikit-learn's MLP",
    limit: int = LIMIT,
    seeds: int = SEEDS,
    **settings: Any,
) -> Thunks:
    """One row: scikit-learn's multilayer perceptron, its mean and standard error over `seeds` seeds.

    hidden: widths of its hidden layers. settings: other arguments of `MLPClassifier`, e.g. activation="tanh".
    """
    model = estimator("MLPClassifier", hidden_layer_sizes=tuple(hidden), **{"max_iter": 300, **settings})
    return fitted(dataset, {row: model}, limit=limit, seeds=seeds)


def chosen(
    dataset: Dataset,
    models: Mapping[str, Sequence[Any]],
    *,
    limit: int = LIMIT,
    trial: int | None = None,
    subsets: Mapping[str, np.ndarray] | None = None,
) -> Thunks:
    """{row: thunk} of classifiers whose settings are chosen on the validation split.

    models: {row: scikit-learn's classifiers of one kind}. The settings that differ among them and were chosen are
        metrics of the row, where they are numbers.
    trial: training and validation examples by which they are chosen, before the fit to `limit`; all without it.
    subsets: {metric: indices [n] among the first `limit` training images}, in place of {"accuracy": all of them}:
        settings are then chosen and fitted for each subset on its own, and are no metrics.
    """

    def row(candidates: Sequence[Any]) -> Measured:
        x, label = labelled(dataset.train, limit)
        validation, test = labelled(dataset.validation, trial), labelled(dataset.test)
        if subsets is not None:
            parts = {metric: (x[rows], label[rows]) for metric, rows in subsets.items()}
            return Measured(
                {
                    metric: _score(best_of(candidates, part, validation), part, test)
                    for metric, part in parts.items()
                }
            )
        best = best_of(candidates, (x[:trial], label[:trial]), validation)
        facts = {name: best.get_params()[name] for name in _differing(candidates)}
        return Measured({"accuracy": _score(best, (x, label), test), **facts, **_examples(dataset, limit)})

    return {name: functools.partial(row, candidates) for name, candidates in models.items()}


def classical(dataset: Dataset, limit: int = LIMIT) -> Thunks:
    """{"logistic regression", "k nearest neighbours", "RBF SVM": thunk} on flat images.

    Penalty, neighbours and cost are chosen on validation after a fit to 2,000 training examples; they are metrics
    of the rows (`C`, `n_neighbors`), as is `examples`, those fitted, where there are more than `limit`.
    """
    models = {
        "logistic regression": [estimator("LogisticRegression", C=c, max_iter=100) for c in (0.1, 1.0)],
        "k nearest neighbours": [estimator("KNeighborsClassifier", n_neighbors=k) for k in (1, 3, 5)],
        "RBF SVM": [estimator("SVC", C=c) for c in (1.0, 10.0)],
    }
    return chosen(dataset, models, limit=limit, trial=TRIAL)


def _score(model: Any, train: Labelled, test: Labelled) -> float:
    """Accuracy, 0 to 1, on `test`, of the model fitted to `train`."""
    return float(fit_quietly(model, *train).score(*test))


def _differing(candidates: Sequence[Any]) -> list[str]:
    """Names of numeric settings in which the candidates differ."""
    settings = [model.get_params() for model in candidates]
    return [
        name
        for name, value in settings[0].items()
        if isinstance(value, int | float) and any(other[name] != value for other in settings[1:])
    ]


def _examples(dataset: Dataset, limit: int) -> dict[str, int]:
    return {"examples": limit} if len(dataset.train) > limit else {}
