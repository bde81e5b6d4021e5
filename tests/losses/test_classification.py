"""Cross-entropy and accuracy against scikit-learn."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, log_loss

from deeplearn.losses.classification import cross_entropy


def test_cross_entropy_and_accuracy_agree_with_scikit_learn():
    generator = np.random.default_rng(0)
    logits, label = generator.normal(scale=2, size=(30, 4)), generator.integers(4, size=30)
    loss, metrics = cross_entropy(jnp.array(logits), jnp.array(label))
    assert float(loss) == pytest.approx(log_loss(label, softmax(logits, -1), labels=range(4)), rel=1e-5)
    assert float(metrics["accuracy"]) == pytest.approx(accuracy_score(label, logits.argmax(-1)))
    assert 0.1 < metrics["accuracy"] < 0.9


def test_coarse_logits_give_an_exact_loss():
    logits = jnp.array([[3.0, 0.0], [1e4, 0.0]], jnp.bfloat16)
    loss, _ = cross_entropy(logits, jnp.array([0, 1]))
    assert loss.dtype == jnp.float32
    assert float(loss) == pytest.approx((np.log1p(np.exp(-3)) + float(logits[1, 0])) / 2, rel=1e-6)
    loss, _ = cross_entropy(logits[:1], jnp.array([0]))
    assert float(loss) == pytest.approx(np.log1p(np.exp(-3)), rel=1e-5)
