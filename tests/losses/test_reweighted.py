"""The weighted loss by hand, and that what has no weight does not count."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from deeplearn.losses.reweighted import reweighted

RNG = np.random.default_rng(0)
LOGITS, LABEL, WEIGHT = RNG.normal(size=(9, 3)), RNG.integers(3, size=9), np.arange(9.0)


class Fixed:
    """Images are their logits."""

    def __init__(self, weight):
        self.weight = jnp.asarray(weight)

    def __call__(self, image):
        return image

    def weights(self, row):
        return self.weight[row]


def batch(order):
    return {"image": jnp.asarray(LOGITS)[order], "label": jnp.asarray(LABEL)[order], "row": order}


def test_the_loss_and_the_accuracy_are_scikit_learn_s_of_weighted_examples():
    order = jnp.asarray(RNG.permutation(9))
    loss, metrics = reweighted(Fixed(WEIGHT), batch(order))
    probability = np.asarray(jax.nn.softmax(LOGITS))
    assert float(loss.value) == pytest.approx(
        log_loss(LABEL, probability, sample_weight=WEIGHT, labels=[0, 1, 2]), rel=1e-5
    )
    expected = accuracy_score(LABEL, LOGITS.argmax(1), sample_weight=WEIGHT)
    assert float(metrics["accuracy"].value) == pytest.approx(expected)


def test_a_batch_without_weight_changes_nothing():
    loss, _ = reweighted(Fixed(np.zeros(9)), batch(jnp.arange(9)))
    assert float(loss.value) == 0
