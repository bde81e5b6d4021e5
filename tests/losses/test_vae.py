"""The VAE's bounds on the likelihood, on a model so small that it can be integrated and enumerated."""

import itertools

import jax
import numpy as np
import pytest
from scipy.special import expit, logsumexp

from deeplearn.losses.likelihoods import Bernoulli
from deeplearn.losses.vae import elbo as elbo_of
from deeplearn.losses.vae import log_weights, negative_elbo, negative_iwae
from deeplearn.metrics.bounds import log_likelihood_bound
from deeplearn.models.vae import VAE
from deeplearn.train import Trained

X = np.array(list(itertools.product([0, 1], repeat=4)), np.float32)  # all images of four pixels
# Two latents on a grid that reaches seven standard deviations: integrals are sums.
AXIS = np.linspace(-7, 7, 141)
GRID = np.stack(np.meshgrid(AXIS, AXIS), -1).reshape(-1, 2)
LOG_NORMAL = -0.5 * (GRID**2).sum(-1) - np.log(2 * np.pi) + 2 * np.log(AXIS[1] - AXIS[0])


def numpy_mlp(layers, x):
    hidden = np.maximum(x @ layers["Dense_0"]["kernel"] + layers["Dense_0"]["bias"], 0)
    return hidden @ layers["Dense_1"]["kernel"] + layers["Dense_1"]["bias"]


@pytest.fixture(name="trained", scope="module")
def vae_with_random_weights():
    model, generator = VAE((2, 2, 1), 2, (5,), Bernoulli()), np.random.default_rng(0)
    batch = {"image": X.reshape(16, 2, 2, 1)}
    shapes = jax.eval_shape(lambda key: model.init(key, batch, method=negative_elbo), jax.random.key(0))
    variables = jax.tree.map(lambda leaf: generator.normal(size=leaf.shape).astype(np.float32), shapes)
    # A posterior that differs between images, not much narrower than the prior.
    variables["params"]["encoder"] = jax.tree.map(lambda leaf: 0.3 * leaf, variables["params"]["encoder"])
    return Trained(model, variables, jax.random.key(1))


def log_likelihood_given(trained, z):
    """log p(x|z) of all images: [16, len(z)]."""
    probability = expit(numpy_mlp(trained.variables["params"]["decoder"], z))[None]
    return np.log(np.where(X[:, None] == 1, probability, 1 - probability)).sum(-1)


@pytest.fixture(name="exact", scope="module")
def exact_log_likelihood(trained):
    result = logsumexp(log_likelihood_given(trained, GRID) + LOG_NORMAL, axis=1)
    assert np.exp(result).sum() == pytest.approx(1, abs=1e-6)  # of all images there are
    return result


@pytest.fixture(name="posterior", scope="module")
def encoder_s_mean_and_log_variance(trained):
    mean, log_variance = np.split(numpy_mlp(trained.variables["params"]["encoder"], 2 * X - 1), 2, axis=-1)
    assert mean.std(0).min() > 0.1 and log_variance.std(0).min() > 0.1
    return mean, log_variance


@pytest.fixture(name="elbo", scope="module")
def exact_elbo(trained, posterior):
    """E_q[log p(x, z) − log q(z|x)] of all images, by integration over q."""
    result = []
    for row, (mean, log_variance) in enumerate(zip(*posterior, strict=True)):
        z = mean + np.exp(log_variance / 2) * GRID
        log_q = -0.5 * (GRID**2 + log_variance + np.log(2 * np.pi)).sum(-1)
        log_prior = -0.5 * (z**2 + np.log(2 * np.pi)).sum(-1)
        weights = log_likelihood_given(trained, z)[row] + log_prior - log_q
        result.append((np.exp(LOG_NORMAL) * weights).sum())
    return np.array(result)


def test_the_estimator_converges_to_the_likelihood(trained, exact):
    found = log_likelihood_bound(trained, log_weights, X, samples=20_000, block=2000)
    assert found.shape == (16,)
    np.testing.assert_allclose(found, exact, atol=0.03)
    assert exact.std() > 0.3
    assert np.exp(found).sum() == pytest.approx(1, abs=0.01)


def test_blocks_draw_different_samples(trained):
    """Ten blocks that were all alike would say what one says."""
    one, many = (log_likelihood_bound(trained, log_weights, X, samples=n, block=2000) for n in (2000, 20_000))
    assert np.abs(one - many).max() > 1e-3


def test_draws_that_blocks_do_not_divide_are_refused(trained):
    with pytest.raises(ValueError, match="is not a multiple of block=30"):
        log_likelihood_bound(trained, log_weights, X, samples=100, block=30)


def test_the_mean_log_weight_is_the_elbo(trained, elbo, exact):
    found = trained(log_weights, X, samples=2000)
    assert found.shape == (16, 2000)
    error = np.std(found, axis=1) / np.sqrt(2000)
    np.testing.assert_array_less(abs(np.mean(found, axis=1) - elbo), 4 * error)
    assert np.all(elbo < exact) and (exact - elbo).max() > 0.05


def test_the_loss_is_the_elbo(trained, posterior, elbo):
    """Its KL term in closed form, averaged over images."""
    repeated = np.tile(X, (10_000, 1)).reshape(-1, 2, 2, 1)
    found = trained(elbo_of, {"image": repeated})
    assert float(found["elbo"]) == pytest.approx(elbo.mean(), abs=0.04)
    mean, log_variance = posterior
    kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(-1).mean()
    assert float(found["kl"]) == pytest.approx(kl, rel=1e-4)
    assert float(found["reconstruction"]) == pytest.approx(-float(found["elbo"]) - kl, rel=1e-4)


def test_images_are_made_black_and_white(trained):
    grey = np.array([0.0, 0.49, 0.51, 1.0], np.float32).reshape(1, 2, 2, 1)
    np.testing.assert_array_equal(trained(VAE.observe, grey), [[0, 0, 1, 1]])


def loss_of(trained, function, images, **static):
    """A loss on many copies of the images, each with noise of its own."""
    batch = {"image": np.tile(images, (10_000, 1, 1, 1))}
    return float(trained(function, batch, **static)[0])


def test_beta_weighs_the_kl_term(trained, elbo, posterior):
    mean, log_variance = posterior
    kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(-1).mean()
    found = loss_of(trained, negative_elbo, X.reshape(-1, 2, 2, 1), beta=3.0)
    assert found == pytest.approx(-elbo.mean() + 2 * kl, abs=0.05)


@pytest.mark.parametrize("samples", [1, 2])
def test_the_iwae_objective_is_its_bound_by_brute_force(trained, posterior, elbo, exact, samples):
    """L_2 = ∬ q(z)q(z') log ½(w + w') by a coarse grid over both draws; L_1 is the ELBO."""
    expected = elbo
    if samples == 2:
        axis = np.linspace(-5, 5, 21)
        grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        log_normal = -0.5 * (grid**2).sum(-1) - np.log(2 * np.pi) + 2 * np.log(axis[1] - axis[0])
        expected = []
        for row, (mean, log_variance) in enumerate(zip(*posterior, strict=True)):
            z = mean + np.exp(log_variance / 2) * grid
            log_q = -0.5 * (grid**2 + log_variance + np.log(2 * np.pi)).sum(-1)
            log_prior = -0.5 * (z**2 + np.log(2 * np.pi)).sum(-1)
            w = log_likelihood_given(trained, z)[row] + log_prior - log_q
            pairs = np.logaddexp(w[:, None], w) - np.log(2)
            expected.append((np.exp(log_normal[:, None] + log_normal) * pairs).sum())
    expected = np.mean(expected)
    found = loss_of(trained, negative_iwae, X.reshape(-1, 2, 2, 1), samples=samples)
    assert -found == pytest.approx(expected, abs=0.025)
    assert samples == 1 or elbo.mean() + 0.03 < expected < exact.mean()
