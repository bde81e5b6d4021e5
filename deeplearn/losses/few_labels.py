"""Cross-entropy on a few labelled examples of each class, for several numbers of them at once.

`fine_tune` and `from_scratch` are the two turns of a comparison. Their root module has classifiers `tuned` and
`scratch` (`models.warm_start.FewLabelClassifiers`) for each number in `labels`, the draw `few`
(`nn.few_labels.FewLabels`), and `pretrained()`, the layers that `tuned` starts from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax


def few_label_loss(
    classify: Callable[[jax.Array, int], jax.Array], few: Any, batch: Mapping[str, jax.Array], labels: Sequence[int]
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The sum over n in `labels` of the mean −log p(label), in nats, of the classifier for n labels a class.

    `classify(x [N, pixels], n) -> logits [N, classes]` has weights of its own for each n, so the sum trains each
    as if it were alone. few: a bound `nn.few_labels.FewLabels`; batch: its whole pool.
    """
    losses = {}
    for count in labels:
        image, label, weight = few(batch, count)
        logits = classify(image.reshape(len(image), -1), count).astype(jnp.float32)
        each = optax.softmax_cross_entropy_with_integer_labels(logits, label)
        losses[f"loss_{count}"] = (weight * each).sum() / jnp.maximum(weight.sum(), 1)
    return jnp.sum(jnp.stack(list(losses.values()))), losses


def fine_tune(model: Any, batch: Mapping[str, jax.Array]) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The pretrained layers learn on from few labels; the stack itself stays as it was."""
    start = model.pretrained()
    return few_label_loss(lambda x, n: model.tuned(x, n, start), model.few, batch, model.labels)


def from_scratch(model: Any, batch: Mapping[str, jax.Array]) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The twins of the same shape learn from random weights, from the same labels."""
    return few_label_loss(model.scratch, model.few, batch, model.labels)
