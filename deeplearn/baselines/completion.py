"""The hidden part of pictures without a network: the mean, a ridge regression, the nearest training picture's."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from deeplearn.baselines.classical import LIMIT, Thunks
from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.metrics.distances import nearest_neighbours
from deeplearn.nn.functional import flat

PENALTIES = (0.1, 1.0, 10.0, 100.0)
VALIDATION = 500  # pictures on which the penalty is chosen

Complete = Callable[[np.ndarray], np.ndarray]  # pictures [N, ...] of which only the visible part may be read


def completions(dataset: Dataset, visible: np.ndarray, measure: Callable[[Complete], Measured]) -> Thunks:
    """{"ridge regression", "nearest training picture", "mean picture": thunk}: what `measure` says of each.

    visible: bool [H, W], which pixels are seen. A completed picture has the visible part of the true one.
    """

    @functools.cache
    def train() -> np.ndarray:
        return dataset.train.arrays(LIMIT)["image"]

    def seen(images: np.ndarray) -> np.ndarray:
        return flat(images[:, visible])

    def with_hidden(images: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        made = images.copy()
        made[:, ~visible] = hidden.reshape(len(images), -1, images.shape[-1])
        return made

    def regressed(images: np.ndarray) -> np.ndarray:
        from sklearn.linear_model import Ridge

        x, y = seen(train()), flat(train()[:, ~visible])
        known = dataset.validation.arrays(VALIDATION)["image"]
        models = [Ridge(penalty).fit(x, y) for penalty in PENALTIES]
        truth = flat(known[:, ~visible])
        best = min(models, key=lambda model: float(np.square(model.predict(seen(known)) - truth).mean()))
        return with_hidden(images, best.predict(seen(images)))

    def nearest(images: np.ndarray) -> np.ndarray:
        _, found = nearest_neighbours(seen(images), seen(train()))
        return with_hidden(images, train()[found[:, 0]][:, ~visible])

    def mean(images: np.ndarray) -> np.ndarray:
        hidden = train().mean(0)[~visible]
        return with_hidden(images, np.broadcast_to(hidden, (len(images), *hidden.shape)))

    methods = {"ridge regression": regressed, "nearest training picture": nearest, "mean picture": mean}
    return {row: functools.partial(measure, method) for row, method in methods.items()}
