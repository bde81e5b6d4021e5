"""How much pretraining helps where labels are few: accuracies by labels per class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from deeplearn.measured import OURS
from deeplearn.metrics.statistics import mean_and_standard_error

Predict = Callable[[Any, jax.Array, int], jax.Array]


def predict(model: Any, image: jax.Array, count: int) -> jax.Array:
    """Classes [B] by the classifier for `count` labels per class, `model.logits(image, count) -> [B, classes]`."""
    return model.logits(image, count).argmax(-1)


def validate(model: Any, batch: Mapping[str, jax.Array], predict: Predict = predict) -> dict[str, jax.Array]:
    """{"accuracy_1": …} for each number in `model.labels`; `predict(model, image, count)` -> classes [B]."""
    return {
        f"accuracy_{count}": (predict(model, batch["image"], count) == batch["label"]).mean()
        for count in model.labels
    }


def accuracies(trained: Any, test: Mapping[str, np.ndarray], predict: Predict = predict) -> dict[str, float]:
    """{"accuracy_1": …} of a `Trained` model on test images [N, ...] and labels [N]."""
    predicted = {count: trained.over(predict, test["image"], count=count) for count in trained.model.labels}
    return {f"accuracy_{count}": float((p == test["label"]).mean()) for count, p in predicted.items()}


def series(
    replicas: Sequence[Mapping[str, Mapping[str, float]]], counts: Sequence[int], ours: str
) -> dict[str, tuple[Any, ...]]:
    """For `figures.plots.curves`: accuracy by labels per class of each row that has it, with standard errors.

    replicas: {row: {metric: number}} of each. ours: what the experiment's own row is called.
    """
    result = {}
    for row in [row for row, metrics in replicas[0].items() if f"accuracy_{counts[0]}" in metrics]:
        pairs = [mean_and_standard_error([r[row][f"accuracy_{count}"] for r in replicas]) for count in counts]
        means, errors = [mean for mean, _ in pairs], [error or 0.0 for _, error in pairs]
        result[ours if row == OURS else row] = (list(counts), means, errors)
    return result
