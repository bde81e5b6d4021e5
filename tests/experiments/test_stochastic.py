"""The code of bits: its likelihood, loss and draws, on a model whose codes can be enumerated."""

import itertools

import jax
import numpy as np
import pytest
from scipy.special import expit, log_expit, logsumexp

from deeplearn.metrics.bounds import log_likelihood_bound
from deeplearn.train import Trained
from experiments.autoencoders.stochastic import BitCode, redrawn

X = np.array(list(itertools.product([0, 1], repeat=4)), np.float32)  # all images of four pixels
CODES = np.array(list(itertools.product([0, 1], repeat=3)), np.float32)  # all codes of three bits


@pytest.fixture(name="trained", scope="module")
def with_random_weights():
    model = BitCode(4, 3, (5,))
    generator = np.random.default_rng(0)
    batch = {"image": X.reshape(16, 2, 2, 1)}
    shapes = jax.eval_shape(lambda key: model.init(key, batch, 2, method=BitCode.loss), jax.random.key(0))
    weights = jax.tree.map(lambda leaf: 0.7 * generator.normal(size=leaf.shape).astype(np.float32), shapes)
    # No code so unlikely that it is never drawn, and images that depend on theirs.
    bits = weights["params"]
    bits["encoder"] = jax.tree.map(lambda leaf: 0.5 * leaf, bits["encoder"])
    bits["decoder"] = jax.tree.map(lambda leaf: 2 * leaf, bits["decoder"])
    return Trained(model, weights, jax.random.key(1))


def numpy_mlp(layers, x):
    hidden = np.maximum(x @ layers["Dense_0"]["kernel"] + layers["Dense_0"]["bias"], 0)
    return hidden @ layers["Dense_1"]["kernel"] + layers["Dense_1"]["bias"]


def log_bernoulli(logits, x):
    return (x * log_expit(logits) + (1 - x) * log_expit(-logits)).sum(-1)


@pytest.fixture(name="tables", scope="module")
def by_enumeration(trained):
    """log p(h) [8], log p(x|h) and log q(h|x) [16, 8]."""
    params = trained.variables["params"]
    given = log_bernoulli(numpy_mlp(params["decoder"], CODES), X[:, None])
    q = numpy_mlp(params["encoder"], 2 * X - 1)
    return log_bernoulli(params["prior"], CODES), given, log_bernoulli(q[:, None], CODES)


def test_the_estimator_converges_to_the_likelihood_of_a_code_of_bits(trained, tables):
    prior, given, _ = tables
    exact = logsumexp(given + prior, axis=1)
    assert np.exp(exact).sum() == pytest.approx(1, abs=1e-5) and exact.std() > 0.2
    found = log_likelihood_bound(trained, BitCode.log_weights, X, samples=20_000, block=2000)
    np.testing.assert_allclose(found, exact, atol=0.03)


def test_the_loss_of_bits_is_the_negative_elbo(trained, tables):
    prior, given, log_q = tables
    exact = -(np.exp(log_q) * (given + prior - log_q)).sum(1).mean()
    batch = {"image": np.tile(X, (2000, 1)).reshape(-1, 2, 2, 1)}
    found, metrics = trained(BitCode.loss, batch, samples=4)
    assert float(found) == pytest.approx(exact, abs=0.02)
    kl = (np.exp(log_q) * (log_q - prior)).sum(1).mean()
    assert float(metrics["kl"]) == pytest.approx(kl, rel=1e-4) and kl > 0.1


def test_drawn_images_have_the_probabilities_of_both_draws(trained, tables):
    """P(x') = Σ_h q(h|x) p(x'|h): neither the encoder nor the decoder is replaced by its mean."""
    _, given, log_q = tables
    expected = np.exp(log_q[5]) @ np.exp(given).T  # [16]
    drawn = np.asarray(trained(redrawn, np.tile(X[5], (40_000, 1))))
    counts = np.bincount(drawn.astype(int) @ [8, 4, 2, 1], minlength=16) / len(drawn)
    np.testing.assert_allclose(counts, expected, atol=0.01)
    params = trained.variables["params"]
    middle = expit(numpy_mlp(params["encoder"], 2 * X[5:6] - 1))
    through_the_mean = np.exp(log_bernoulli(numpy_mlp(params["decoder"], middle), X))
    assert np.abs(expected - through_the_mean).max() > 0.02
