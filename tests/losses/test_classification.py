"""Cross-entropy and accuracy against scikit-learn."""

import chex
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized
from scipy.special import softmax
from sklearn.metrics import accuracy_score, log_loss

from deeplearn.losses.classification import cross_entropy, soft_cross_entropy, token_cross_entropy


class CrossEntropy(chex.TestCase):
    @chex.all_variants
    def test_cross_entropy_and_accuracy_agree_with_scikit_learn(self):
        generator = np.random.default_rng(0)
        label = generator.integers(4, size=30)
        logits = generator.normal(scale=2, size=(30, 4)) + 3 * np.eye(4)[label]
        loss, metrics = self.variant(cross_entropy)(logits, label)
        assert float(loss) == pytest.approx(log_loss(label, softmax(logits, -1), labels=range(4)), rel=1e-5)
        assert float(metrics["accuracy"]) == pytest.approx(accuracy_score(label, logits.argmax(-1)))
        assert 0.6 < metrics["accuracy"] < 1

    @chex.all_variants
    @parameterized.parameters(([3.0, 0.0], np.log1p(np.exp(-3))), ([0.0, 8192.0], 8192))
    def test_coarse_logits_give_an_exact_loss(self, logits, expected):
        loss, _ = self.variant(cross_entropy)(np.array([logits], jnp.bfloat16), np.array([0]))
        assert loss.dtype == jnp.float32
        assert float(loss) == pytest.approx(expected, rel=1e-5)

    @chex.all_variants
    def test_soft_cross_entropy_is_a_mean_over_the_target_s_classes(self):
        generator = np.random.default_rng(0)
        logits, target = generator.normal(size=(30, 4)), generator.dirichlet(np.ones(4), size=30)
        soft = self.variant(soft_cross_entropy)
        loss, metrics = soft(logits, target)
        assert float(loss) == pytest.approx(-np.mean(np.sum(target * np.log(softmax(logits, -1)), -1)), rel=1e-5)
        assert float(metrics["accuracy"]) == pytest.approx(np.mean(logits.argmax(-1) == target.argmax(-1)))
        label = generator.integers(4, size=30)
        chex.assert_trees_all_close(soft(logits, np.eye(4)[label]), cross_entropy(logits, label), rtol=1e-5)
        coarse, _ = soft(np.array([[3.0, 0.0]], jnp.bfloat16), np.array([[1.0, 0.0]]))
        assert coarse.dtype == jnp.float32 and float(coarse) == pytest.approx(np.log1p(np.exp(-3)), rel=1e-5)


def test_tokens_beyond_a_length_do_not_count():
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(3, 5, 4)), rng.integers(0, 4, (3, 5))
    lengths = np.array([5, 2, 0])
    loss, metrics = token_cross_entropy(jnp.array(logits), jnp.array(target), jnp.array(lengths))
    inside = np.arange(5) < lengths[:, None]
    nll = (np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, target[..., None], -1)[..., 0])[inside]
    assert float(loss.value) == pytest.approx(nll.mean(), rel=1e-5) and float(loss.weight) == 7
    right = (logits.argmax(-1) == target)[inside]
    assert float(metrics["accuracy"].value) == pytest.approx(right.mean())
