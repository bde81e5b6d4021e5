"""Importance-weighted empirical risk (Shimodaira 2000)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import optax

from deeplearn.mean import Mean


def reweighted(model: Any, batch: Mapping[str, jax.Array]) -> tuple[Mean, dict[str, Mean]]:
    """Σ w · −log p(label) / Σ w, in nats, of images [B, ...], labels [B] and numbers of examples "row" [B].

    model: bound, `model(image)` are logits and `model.weights(row)` weights w ≥ 0. `accuracy` is weighted alike.
    """
    logits, weight = model(batch["image"]), model.weights(batch["row"])
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"])
    return Mean.of(loss, weight), {"accuracy": Mean.of(logits.argmax(-1) == batch["label"], weight)}
