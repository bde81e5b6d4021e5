"""Ridge regression on whole sequences, flat: what a linear function of all steps can do."""

from __future__ import annotations

import numpy as np

from deeplearn.data import Dataset
from deeplearn.nn.functional import flat

LIMIT = 10_000  # training examples
PENALTIES = (1e-2, 1.0, 100.0)


def ridge(dataset: Dataset) -> float:
    """The mean squared error on test of `target` [] predicted from `sequence` [time, n].

    Fitted to the first LIMIT training examples; its penalty is chosen on validation.
    """
    from sklearn.linear_model import Ridge

    def read(split: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        return flat(split["sequence"]), split["target"]

    def error(model: Ridge, x: np.ndarray, target: np.ndarray) -> float:
        return float(np.square(model.predict(x) - target).mean())

    x, target = read(dataset.train.arrays(LIMIT))
    validation = read(dataset.validation.arrays())
    models = [Ridge(penalty).fit(x, target) for penalty in PENALTIES]
    return error(min(models, key=lambda model: error(model, *validation)), *read(dataset.test.arrays()))
