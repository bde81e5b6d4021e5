"""Loss and accuracy of each member of a population of classifiers, so that validation can choose one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.nn.checks import assert_shapes


@dataclasses.dataclass(frozen=True)
class Scores:
    """Means over a split. loss: cross-entropy in nats, [members]. accuracy: 0 to 1, [members]."""

    loss: np.ndarray
    accuracy: np.ndarray

    @property
    def best(self) -> int:
        """The member whose loss is lowest."""
        return int(np.argmin(self.loss))


def outcomes(population: Any, batch: Mapping[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
    """(cross-entropy in nats, whether the prediction is right) of each image and member, [batch, members].

    population(image) gives logits [members, batch, classes].
    """
    logits = population(batch["image"]).swapaxes(0, 1)
    assert_shapes(logits=(logits, "batch members classes"), label=(batch["label"], "batch"))
    label = jnp.broadcast_to(batch["label"][:, None], logits.shape[:2])
    loss = optax.softmax_cross_entropy_with_integer_labels(logits.astype(jnp.float32), label)
    return loss, logits.argmax(-1) == label


def each_outcome(trained: Any, rows: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """`outcomes` of all rows of a split, {"image", "label"}, by a `Trained` population: two of [rows, members]."""
    loss, hit = trained.over(outcomes, {key: rows[key] for key in ("image", "label")})
    return loss, hit


def scores(trained: Any, rows: Mapping[str, np.ndarray]) -> Scores:
    """The means of `each_outcome` over the rows."""
    loss, hit = each_outcome(trained, rows)
    return Scores(loss.mean(0, dtype=np.float64), hit.mean(0, dtype=np.float64))
