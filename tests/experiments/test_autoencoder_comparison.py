"""The comparison's losses and measures, by hand and by enumeration."""

import functools
import itertools

import jax
import numpy as np
import pytest
from scipy.special import expit, log_expit

from deeplearn.nn.tied import TiedAutoencoder
from deeplearn.train import Rivals, Trained
from experiments.autoencoders.comparison import LOSSES, Config, jacobian_norm, loss

CONFIG = Config(sparsity=0.5, target=0.2, noise=0.0, contraction=0.3, samples=4)
GENERATOR = np.random.default_rng(0)
X = GENERATOR.uniform(size=(6, 4)).astype(np.float32)
CODES = np.array(list(itertools.product([0, 1], repeat=3)), np.float32)


@pytest.fixture(name="trained", scope="module")
def one_set_of_weights_for_all():
    model = Rivals(dict.fromkeys(LOSSES, functools.partial(TiedAutoencoder, 4, (3,))))
    weights = {
        "kernel_0": GENERATOR.normal(size=(4, 3)),
        "bias_0": GENERATOR.normal(size=3),
        "visible_bias_0": GENERATOR.normal(size=4),
    }
    weights = {name: value.astype(np.float32) for name, value in weights.items()}
    return Trained(model, {"params": dict.fromkeys(LOSSES, weights)}, jax.random.key(1))


def parts(trained):
    params = trained.variables["params"]["basic"]
    return params["kernel_0"], params["bias_0"], params["visible_bias_0"]


def cross_entropy(logits, x):
    return -(x * log_expit(logits) + (1 - x) * log_expit(-logits)).sum(-1)


def found(trained, network, images=X):
    batch = {"image": images.reshape(-1, 2, 2, 1)}
    return float(trained(loss, batch, network=network, config=CONFIG)[0])


def test_each_deterministic_loss_is_the_reconstruction_and_its_penalty(trained):
    kernel, bias, visible = parts(trained)
    h = expit(X @ kernel + bias)
    basic = cross_entropy(h @ kernel.T + visible, X).mean()
    assert found(trained, "basic") == pytest.approx(basic, rel=1e-5)
    assert found(trained, "denoising") == pytest.approx(basic, rel=1e-5)  # without noise they are one
    mean = h.mean(0)
    kl = (0.2 * np.log(0.2 / mean) + 0.8 * np.log(0.8 / (1 - mean))).sum()
    assert found(trained, "sparse") == pytest.approx(basic + 0.5 * kl, rel=1e-5)
    norms = np.array([np.linalg.norm(np.diag(row * (1 - row)) @ kernel.T) ** 2 for row in h])
    assert found(trained, "contractive") == pytest.approx(basic + 0.3 * norms.mean(), rel=1e-5)
    np.testing.assert_allclose(trained(jacobian_norm, X, network="sparse"), norms, rtol=1e-4)


def test_the_stochastic_loss_is_the_negative_elbo_over_all_codes(trained):
    kernel, bias, visible = parts(trained)
    q = X @ kernel + bias
    log_q = -cross_entropy(q[:, None], CODES)  # [6, 8]
    errors = cross_entropy(CODES @ kernel.T + visible, X[:, None])
    exact = (np.exp(log_q) * (errors + log_q + 3 * np.log(2))).sum(1).mean()
    assert found(trained, "stochastic", np.tile(X, (4000, 1))) == pytest.approx(exact, abs=0.02)
