"""Losses of a population, against each member's own."""

import jax
import numpy as np
import pytest

from deeplearn.losses.classification import cross_entropy
from deeplearn.losses.population import member_losses, together

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(3, 5, 4)).astype(np.float32)
LABEL = RNG.integers(0, 4, (3, 5)).astype(np.int32)


@pytest.mark.parametrize("own", [False, True])
def test_each_member_s_loss_and_accuracy_are_those_of_the_classifier_alone(own):
    loss, accuracy = member_losses(LOGITS, LABEL if own else LABEL[0])
    for number in range(3):
        alone, metrics = cross_entropy(LOGITS[number], LABEL[number if own else 0])
        np.testing.assert_allclose(loss[number], alone, rtol=1e-6)
        np.testing.assert_allclose(accuracy[number], metrics["accuracy"], rtol=1e-6)


def test_the_sum_is_what_is_trained_and_the_best_what_is_logged():
    loss, accuracy = member_losses(LOGITS, LABEL)
    total, metrics = together(loss, accuracy)
    np.testing.assert_allclose(total, np.sum(loss), rtol=1e-6)
    assert metrics["best_loss"] == np.min(loss) and metrics["best_accuracy"] == np.max(accuracy)
    slope = jax.grad(lambda logits: together(*member_losses(logits, LABEL))[0])(LOGITS)[1]
    own = jax.grad(lambda logits: cross_entropy(logits, LABEL[1])[0])(LOGITS[1])
    np.testing.assert_allclose(slope, own, rtol=1e-5, atol=1e-7)


def test_labels_of_a_wrong_rank_are_refused():
    with pytest.raises(AssertionError, match="logits"):
        member_losses(LOGITS[0], LABEL[0])
