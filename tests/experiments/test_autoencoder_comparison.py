"""The comparison's losses and measures, by hand and by enumeration."""

import itertools

import jax
import numpy as np
import pytest
from scipy.special import expit, log_expit

from deeplearn.nn.tied import TiedAutoencoder
from deeplearn.train import Trained
from experiments.autoencoders.comparison import Config, build, jacobian_norm

from .pretend import pretend

CONFIG = Config(sparsity=0.5, target=0.2, noise=0.0, contraction=0.3, samples=4)
GENERATOR = np.random.default_rng(0)
X = GENERATOR.uniform(size=(6, 4)).astype(np.float32)
CODES = np.array(list(itertools.product([0, 1], repeat=3)), np.float32)


@pytest.fixture(name="trained", scope="module")
def with_random_weights():
    weights = {
        "kernel_0": GENERATOR.normal(size=(4, 3)),
        "bias_0": GENERATOR.normal(size=3),
        "visible_bias_0": GENERATOR.normal(size=4),
    }
    weights = {name: value.astype(np.float32) for name, value in weights.items()}
    return Trained(TiedAutoencoder(4, (3,)), {"params": weights}, jax.random.key(1))


@pytest.fixture(name="losses", scope="module")
def of_each_rival():
    turns = build(CONFIG, pretend("digits", 16)).stages[0].turns
    return {turn.name: turn.loss for turn in turns}


def parts(trained):
    params = trained.variables["params"]
    return params["kernel_0"], params["bias_0"], params["visible_bias_0"]


def cross_entropy(logits, x):
    return -(x * log_expit(logits) + (1 - x) * log_expit(-logits)).sum(-1)


def value(trained, loss, images=X):
    return float(trained(loss, {"image": images.reshape(-1, 2, 2, 1)})[0])


def test_each_deterministic_loss_is_the_reconstruction_and_its_penalty(trained, losses):
    kernel, bias, visible = parts(trained)
    h = expit(X @ kernel + bias)
    basic = cross_entropy(h @ kernel.T + visible, X).mean()
    assert value(trained, losses["basic"]) == pytest.approx(basic, rel=1e-5)
    assert value(trained, losses["denoising"]) == pytest.approx(basic, rel=1e-5)  # without noise they are one
    mean = h.mean(0)
    kl = (0.2 * np.log(0.2 / mean) + 0.8 * np.log(0.8 / (1 - mean))).sum()
    assert value(trained, losses["sparse"]) == pytest.approx(basic + 0.5 * kl, rel=1e-5)
    norms = np.array([np.linalg.norm(np.diag(row * (1 - row)) @ kernel.T) ** 2 for row in h])
    assert value(trained, losses["contractive"]) == pytest.approx(basic + 0.3 * norms.mean(), rel=1e-5)
    np.testing.assert_allclose(trained(jacobian_norm, X), norms, rtol=1e-4)


def test_the_stochastic_loss_is_the_negative_elbo_over_all_codes(trained, losses):
    kernel, bias, visible = parts(trained)
    q = X @ kernel + bias
    log_q = -cross_entropy(q[:, None], CODES)  # [6, 8]
    errors = cross_entropy(CODES @ kernel.T + visible, X[:, None])
    exact = (np.exp(log_q) * (errors + log_q + 3 * np.log(2))).sum(1).mean()
    assert value(trained, losses["stochastic"], np.tile(X, (4000, 1))) == pytest.approx(exact, abs=0.02)
