"""The terms of the evidence lower bound against SciPy, and the whole on a linear VAE, whose likelihood is known."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from sklearn.decomposition import PCA

from deeplearn.losses.elbo import bernoulli_log_likelihood, gaussian_kl, gaussian_log_density, sample_gaussian
from deeplearn.metrics.bounds import importance_weighted_bound


def test_samples_have_their_mean_and_variance():
    mean, log_variance = np.array([[0.7, -2.0], [3.0, 0.0]]), np.array([[-0.5, 0.8], [2.0, -3.0]])
    repeated = (np.broadcast_to(a, (20_000, 2, 2)) for a in (mean, log_variance))
    draws = np.asarray(jax.jit(sample_gaussian)(jax.random.key(0), *repeated))
    z_scores = (draws - mean) / np.exp(log_variance / 2)
    np.testing.assert_allclose(z_scores.mean(0), 0, atol=0.03)
    np.testing.assert_allclose(z_scores.var(0), 1, atol=0.04)
    assert abs(np.corrcoef(z_scores.reshape(20_000, 4).T) - np.eye(4)).max() < 0.03


def test_samples_are_reparameterised():
    """dz/dμ = 1 and dz/dσ = ε, so dz/d(log σ²) = (z − μ)/2."""

    @jax.jit
    def sample_and_slopes(mean, log_variance):
        def once(*moments):
            z = sample_gaussian(jax.random.key(1), *moments)
            return z, z

        return jax.jacobian(once, argnums=(0, 1), has_aux=True)(mean, log_variance)

    mean = np.array([0.7, -2.0], np.float32)
    slopes, z = sample_and_slopes(mean, np.array([-0.5, 0.8], np.float32))
    np.testing.assert_allclose(slopes[0], np.eye(2), atol=1e-6)
    np.testing.assert_allclose(slopes[1], np.diag((z - mean) / 2), atol=1e-6)


class Terms(chex.TestCase):
    @chex.all_variants
    def test_gaussian_log_density_agrees_with_scipy(self):
        x, mean, log_variance = np.random.default_rng(0).normal(size=(3, 4, 5))
        log_density = self.variant(gaussian_log_density)
        expected = scipy.stats.norm(mean, np.exp(log_variance / 2)).logpdf(x).sum(-1)
        np.testing.assert_allclose(log_density(x, mean, log_variance), expected, rtol=1e-5)
        expected = scipy.stats.norm(0, 1).logpdf(x).sum(-1)
        np.testing.assert_allclose(log_density(x, np.zeros(()), np.zeros(())), expected, rtol=1e-5)

    @chex.all_variants
    def test_gaussian_kl_agrees_with_quadrature(self):
        means, log_variances = np.array([0.7, -0.2]), np.array([-0.5, 0.8])

        def kl(mean, log_variance):
            q, p = scipy.stats.norm(mean, np.exp(log_variance / 2)), scipy.stats.norm()
            return scipy.integrate.quad(lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), -12, 12)[0]

        expected = sum(map(kl, means, log_variances))
        found = self.variant(gaussian_kl)
        assert float(found(means, log_variances)) == pytest.approx(expected, rel=1e-5)
        batch = found(np.stack([means, means]), np.stack([log_variances, log_variances]))
        np.testing.assert_allclose(batch, [expected] * 2, rtol=1e-5)

    @chex.all_variants
    def test_bernoulli_log_likelihood_agrees_with_scipy(self):
        generator = np.random.default_rng(1)
        logits, x = generator.normal(scale=3, size=(4, 6)), generator.integers(2, size=(4, 6))
        expected = scipy.stats.bernoulli(1 / (1 + np.exp(-logits))).logpmf(x).sum(-1)
        np.testing.assert_allclose(self.variant(bernoulli_log_likelihood)(logits, x), expected, rtol=1e-5)

    @chex.all_variants
    def test_bernoulli_log_likelihood_of_sure_logits_is_finite(self):
        logits, x = np.array([[300.0, -300.0], [300.0, -300.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
        np.testing.assert_allclose(self.variant(bernoulli_log_likelihood)(logits, x), [0, -600], atol=1e-4)
        assert np.isfinite(self.variant(jax.jacobian(bernoulli_log_likelihood))(logits, x)).all()


# A linear VAE is probabilistic PCA (Tipping & Bishop 1999): z ~ N(0, I), x|z ~ N(Wz + μ, s² I). scikit-learn fits
# it and gives log p(x) exactly. Its W has orthogonal columns, so the true posterior is a diagonal Gaussian.


class LinearVAE:
    def __init__(self):
        generator = np.random.default_rng(0)
        data = generator.normal(size=(300, 2)) @ generator.normal(size=(2, 5)) * 1.5 + generator.normal(
            size=(300, 5)
        )
        pca = PCA(2).fit(data + 3)
        self.x = data[:20] + 3
        self.evidence = pca.score_samples(self.x)
        self.noise = pca.noise_variance_
        self.mean = pca.mean_
        self.weight = pca.components_.T * np.sqrt(pca.explained_variance_ - self.noise)  # [5, 2]
        precision = np.diag(self.weight.T @ self.weight) / self.noise + 1
        self.posterior_mean = (self.x - self.mean) @ self.weight / self.noise / precision
        self.posterior_log_variance = np.broadcast_to(-np.log(precision), (20, 2))

        self.weights_and_bounds = jax.jit(self._weights_and_bounds)

    def _weights_and_bounds(self, key, mean, log_variance):
        """log p(x, z) − log q(z|x) of 20,000 draws from q, [20000, 20], and {k: L_k [20]}."""
        shape = (20_000, *mean.shape)
        mean, log_variance = jnp.broadcast_to(mean, shape), jnp.broadcast_to(log_variance, shape)
        z = sample_gaussian(key, mean, log_variance)
        weights = (
            gaussian_log_density(self.x, z @ self.weight.T + self.mean, jnp.log(self.noise))
            + gaussian_log_density(z, jnp.zeros(()), jnp.zeros(()))
            - gaussian_log_density(z, mean, log_variance)
        )
        bounds = {
            k: importance_weighted_bound(weights.reshape(k, 20_000 // k, 20)).mean(0) for k in (1, 2, 10, 20_000)
        }
        return weights, bounds


@pytest.fixture(name="linear", scope="module")
def linear_vae():
    return LinearVAE()


def test_with_the_exact_posterior_every_importance_weight_is_the_evidence(linear):
    weights, bounds = linear.weights_and_bounds(
        jax.random.key(0), linear.posterior_mean, linear.posterior_log_variance
    )
    np.testing.assert_allclose(weights, np.tile(linear.evidence, (20_000, 1)), rtol=1e-4)
    for bound in bounds.values():
        np.testing.assert_allclose(bound, linear.evidence, rtol=1e-4)


def elbo(linear, mean, log_variance):
    """E_q log p(x|z) in closed form, less the KL term: [20]."""
    spread = (linear.weight**2 * np.exp(log_variance)[:, None]).sum((1, 2)) / linear.noise / 2
    fit = gaussian_log_density(linear.x, mean @ linear.weight.T + linear.mean, np.log(linear.noise))
    return fit - spread - gaussian_kl(mean, log_variance)


def test_with_the_exact_posterior_the_elbo_is_the_evidence(linear):
    found = elbo(linear, linear.posterior_mean, linear.posterior_log_variance)
    np.testing.assert_allclose(found, linear.evidence, rtol=1e-4)


@pytest.fixture(name="bounds", scope="module")
def bounds_of_an_inexact_posterior(linear):
    """(q's mean, q's log-variance, {k: L_k}): q is shifted and twice as wide as the true posterior."""
    mean, log_variance = linear.posterior_mean + 0.2, linear.posterior_log_variance + np.log(2)
    return mean, log_variance, linear.weights_and_bounds(jax.random.key(1), mean, log_variance)[1]


def test_with_one_sample_the_bound_is_the_elbo(linear, bounds):
    mean, log_variance, found = bounds
    np.testing.assert_allclose(found[1], elbo(linear, mean, log_variance), atol=0.05)
    # And that falls short of the evidence by KL(q ‖ p(z|x)).
    variance = np.exp(linear.posterior_log_variance)
    ratio = np.exp(log_variance) / variance
    gap = 0.5 * ((mean - linear.posterior_mean) ** 2 / variance + ratio - 1 - np.log(ratio)).sum(-1)
    np.testing.assert_allclose(elbo(linear, mean, log_variance), linear.evidence - gap, rtol=1e-4)
    assert gap.min() > 0.3


def test_with_more_samples_the_bound_rises_to_the_evidence(linear, bounds):
    found = bounds[2]
    assert np.all(found[1] + 0.1 < found[2]) and np.all(found[2] + 0.05 < found[10])
    assert np.all(found[10] < linear.evidence)
    np.testing.assert_allclose(found[20_000], linear.evidence, atol=0.03)
