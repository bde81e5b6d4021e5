"""Softmax cross-entropy, the loss of every classifier here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from deeplearn.mean import Mean
from deeplearn.nn.checks import assert_integers, assert_shapes


def cross_entropy(logits: jax.Array, label: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Mean −log p(label) in nats, and the accuracy. logits [batch, classes], label int32 [batch]."""
    assert_shapes(logits=(logits, "batch classes"), label=(label, "batch"))
    assert_integers(label=label)
    loss = optax.softmax_cross_entropy_with_integer_labels(logits.astype(jnp.float32), label).mean()
    return loss, {"accuracy": (logits.argmax(-1) == label).mean()}


def classification(model: Any, batch: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """Loss and accuracy of a model that is called on images, as `Experiment.validate` needs them."""
    loss, metrics = cross_entropy(model(batch["image"]), batch["label"])
    return {"loss": loss, **metrics}


def token_cross_entropy(logits: jax.Array, target: jax.Array, lengths: jax.Array) -> tuple[Mean, dict[str, Mean]]:
    """Mean −log p(target) in nats over the tokens of all sequences, and the accuracy; padding does not count.

    logits [batch, time, classes], target int32 [batch, time], lengths int32 [batch].
    """
    assert_shapes(target=(target, "batch time"), lengths=(lengths, "batch"))
    assert_integers(lengths=lengths)
    return counted_cross_entropy(logits, target, jnp.arange(target.shape[1]) < lengths[:, None])


def counted_cross_entropy(logits: jax.Array, target: jax.Array, counted: jax.Array) -> tuple[Mean, dict[str, Mean]]:
    """The same over the tokens that are `counted`, bool [batch, time]: those inside, or those that were hidden."""
    tokens = "batch time"
    assert_shapes(logits=(logits, "batch time classes"), target=(target, tokens), counted=(counted, tokens))
    assert_integers(target=target)
    loss = optax.softmax_cross_entropy_with_integer_labels(logits.astype(jnp.float32), target)
    return Mean.of(loss, counted), {"accuracy": Mean.of(logits.argmax(-1) == target, counted)}


def soft_cross_entropy(logits: jax.Array, target: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Mean −Σ target · log p in nats, and how often the most probable class is the target's. Both [batch, classes].

    A row of target is a distribution over classes: mixed or smoothed labels.
    """
    assert_shapes(logits=(logits, "batch classes"), target=(target, "batch classes"))
    loss = optax.softmax_cross_entropy(logits.astype(jnp.float32), target).mean()
    return loss, {"accuracy": (logits.argmax(-1) == target.argmax(-1)).mean()}
