"""The contrastive objective of pictures and texts in one space (Radford et al. 2021, section 2.3)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from deeplearn.nn.checks import assert_integers, assert_shapes


def info_nce(
    images: jax.Array, texts: jax.Array, scale: jax.Array, label: jax.Array | None = None
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Symmetric InfoNCE: each text should find its picture among the batch's, and each picture its text.

    −½ Σᵢ [log softmaxⱼ(s · iᵢᵀtⱼ)ᵢ + log softmaxⱼ(s · iⱼᵀtᵢ)ᵢ] / batch (their figure 3; van den Oord et al. 2018,
    equation 4). The others of the batch are the negatives, so the loss depends on the batch's size.

    images, texts: vectors of length 1 [batch, features], of one example in each row. scale: s [], 1 over the
    temperature.
    label: int32 [batch]; examples of one label are not told apart: each finds all of them, its target is shared
        equally among them. Without it each example is the only one of its kind.

    Returns:
        the loss, and {"found_by_text", "found_by_image"}: how often the nearest in the batch is a right one.
    """
    assert_shapes(images=(images, "batch features"), texts=(texts, "batch features"), scale=(scale, ""))
    logits = (scale * images @ texts.T).astype(jnp.float32)
    if label is None:
        alike = jnp.eye(len(images), dtype=bool)
    else:
        assert_shapes(label=(label, "batch"), images=(images, "batch features"))
        assert_integers(label=label)
        alike = label[:, None] == label
    target = alike / alike.sum(1, keepdims=True)
    both = [optax.softmax_cross_entropy(each, target).mean() for each in (logits, logits.T)]

    def found(scores: jax.Array) -> jax.Array:
        return jnp.take_along_axis(alike, scores.argmax(1)[:, None], 1).mean()

    return sum(both) / 2, {"found_by_image": found(logits), "found_by_text": found(logits.T)}
