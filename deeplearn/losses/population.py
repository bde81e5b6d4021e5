"""The loss of a population of classifiers (`deeplearn.models.population`): the sum of its members' losses."""

from __future__ import annotations

import jax
import numpy as np

from deeplearn.losses.classification import cross_entropy
from deeplearn.nn.checks import assert_shapes


def member_losses(logits: jax.Array, label: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(mean cross-entropy in nats, accuracy) of each member, both [members].

    logits [members, batch, classes]; label int32 [batch], or [members, batch] where each has its own examples.
    """
    own = np.ndim(label) == 2
    assert_shapes(logits=(logits, "members batch classes"), label=(label, "members batch" if own else "batch"))
    loss, metrics = jax.vmap(cross_entropy, in_axes=(0, 0 if own else None))(logits, label)
    return loss, metrics["accuracy"]


def together(loss: jax.Array, accuracy: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The sum of the losses [members], whose gradient is each member's own, and the best member's metrics."""
    assert_shapes(loss=(loss, "members"), accuracy=(accuracy, "members"))
    return loss.sum(), {"best_loss": loss.min(), "best_accuracy": accuracy.max()}
