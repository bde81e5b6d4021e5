"""Cross-entropy on a few labelled examples of each class, for several numbers of them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from deeplearn.mean import Mean


def few_label_loss(
    model: Any, batch: Mapping[str, jax.Array], logits: Callable[..., jax.Array] | None = None
) -> tuple[Mean, dict[str, Mean]]:
    """Σ over n in `model.labels` of the mean −log p(label), in nats, of the classifier for n labels per class.

    Each classifier has its own weights, so the sum trains each as if it were alone. It is a `Mean` that counts the
    labelled examples in the batch, so it does not matter how the pool is cut.

    Args:
        model: a bound module with `labels`, numbers of labels per class, the draw `few`
            (`nn.few_labels.FewLabels`), and `logits(image [N, ...], n, train=True) -> [N, classes]`, in whose place
            `logits` stands if given.
        batch: the whole pool, or a part of it: "image", "label" and "row" (`data.pool.few_label_pool`).
    """
    classify, losses, total = logits or model.logits, {}, jnp.zeros(())
    for count in model.labels:
        image, label, weight = model.few(batch, count)
        outputs = classify(image, count, train=True).astype(jnp.float32)
        each = optax.softmax_cross_entropy_with_integer_labels(outputs, label)
        losses[f"loss_{count}"] = mean = Mean.of(each, weight)
        total += mean.total / model.few.seen(count)
    part = len(batch["row"]) / (model.few.classes * model.few.each)
    return Mean(total, jnp.asarray(part)), losses
