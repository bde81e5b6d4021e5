"""What pretraining is worth where labels are few: accuracies by labels a class, and verdicts, paired over draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.metrics.verdict import verdict
from deeplearn.nn.functional import flat


def predict(model: Any, image: jax.Array, network: str, count: int) -> jax.Array:
    """Classes [B] by the classifier for `count` labels a class, `network` "tuned" or "scratch"."""
    x = flat(image)
    logits = model.tuned(x, count, model.pretrained()) if network == "tuned" else model.scratch(x, count)
    return logits.argmax(-1)


def validate(
    model: Any,
    batch: Mapping[str, jax.Array],
    networks: Sequence[str] = ("tuned", "scratch"),
    predict: Callable[..., jax.Array] = predict,
) -> dict[str, jax.Array]:
    """Accuracies of the networks for each number of labels; `predict(model, image, network, count)` -> classes."""
    return {
        f"{network}_accuracy_{count}": (predict(model, batch["image"], network, count) == batch["label"]).mean()
        for network in networks
        for count in model.labels
    }


def accuracies(
    trained: Any, test: Mapping[str, np.ndarray], network: str, predict: Callable[..., jax.Array] = predict
) -> dict[str, float]:
    """{"accuracy_1": …} on the test set."""
    predicted = {n: trained.over(predict, test["image"], network=network, count=n) for n in trained.model.labels}
    return {f"accuracy_{n}": float((p == test["label"]).mean()) for n, p in predicted.items()}


def verdicts(replicas: Sequence[Mapping[str, Any]], rival: str, counts: Sequence[int]) -> dict[str, str]:
    """A sentence for each number of labels: whether pretraining gains over the rival (`metrics.verdict`)."""
    return {
        f"pretrained beats {rival}, {count} label{'s' * (count > 1)} a class": verdict(
            [row[f"accuracy_{count}"] - row[rival][f"accuracy_{count}"] for row in replicas]
        )
        for count in counts
    }


def series(replicas: Sequence[Mapping[str, Any]], own: str, counts: Sequence[int]) -> dict[str, tuple[Any, ...]]:
    """For `figures.plots.curves`: accuracy by labels a class, own row and each rival's, with standard errors."""
    metric = f"accuracy_{counts[0]}"
    rivals = [name for name, value in replicas[0].items() if isinstance(value, Mapping) and metric in value]
    result = {}
    for name in (own, *rivals):
        rows = [replica[name] if name in rivals else replica for replica in replicas]
        pairs = [mean_and_standard_error([row[f"accuracy_{count}"] for row in rows]) for count in counts]
        result[name] = (list(counts), [mean for mean, _ in pairs], [error or 0.0 for _, error in pairs])
    return result
