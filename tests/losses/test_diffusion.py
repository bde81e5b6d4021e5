"""The denoising objective on Gaussian data, where the best denoiser and its loss are known."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from absl.testing import parameterized

from deeplearn.losses.diffusion import denoised_and_noise, denoising_loss

STD = 0.6
CASES = list(itertools.product(("linear", "cosine", "lognormal"), ("noise", "v")))  # schedule, prediction


class Targets(chex.TestCase):
    @chex.all_variants
    @parameterized.parameters("noise", "v")
    def test_the_true_target_gives_data_and_noise(self, prediction):
        """Images, each with its own level."""
        generator = np.random.default_rng(0)
        x, noise = generator.normal(size=(2, 5, 3, 4, 2))
        ratio = np.array([0.01, 0.3, 1.0, 4.0, 20.0])
        alpha, sigma = (
            level.reshape(5, 1, 1, 1) for level in (1 / np.sqrt(1 + ratio**2), ratio / np.sqrt(1 + ratio**2))
        )
        target = noise if prediction == "noise" else alpha * noise - sigma * x
        estimate = self.variant(lambda *arguments: denoised_and_noise(*arguments, prediction))
        found = estimate(target, alpha * x + sigma * noise, ratio)
        chex.assert_trees_all_close(found, (x.astype(np.float32), noise.astype(np.float32)), atol=3e-5)

    @chex.all_variants
    def test_a_network_that_knows_the_data_has_no_loss(self):
        x = np.random.default_rng(1).normal(size=(6, 3, 2)).astype(np.float32)

        def oracle(prediction, shift):
            def network(noised, ratio):
                alpha = (1 / jnp.sqrt(1 + ratio**2))[:, None, None]
                sigma = ratio[:, None, None] * alpha
                noise = (noised - alpha * x) / sigma
                return shift + (noise if prediction == "noise" else alpha * noise - sigma * x)

            return network

        @self.variant
        def losses(key):
            return [
                denoising_loss(oracle(prediction, shift), x, key, "cosine", prediction)
                for prediction in ("noise", "v")
                for shift in (0.0, 2.0)
            ]

        # A mean over elements, squared.
        np.testing.assert_allclose(losses(jax.random.key(0)), [0, 4, 0, 4], atol=0.01)


def ratio_at(schedule, t):
    """r(t) once more, from the papers' own words."""
    if schedule == "linear":
        ratio = np.sqrt(np.exp(0.1 * t + 19.9 * t**2 / 2) - 1)
    elif schedule == "cosine":
        ratio = np.sin(np.pi * t / 2) / np.cos(np.pi * t / 2)
    else:
        ratio = scipy.stats.lognorm(s=1.2, scale=np.exp(-1.2)).ppf(t)
    return np.clip(ratio, 0.002, 80)


def least_loss(schedule, prediction):
    """The target's variance given x_t, for x ~ N(0, s²): over t by quadrature.

    Var(ε | x_t) = α²s²/(α²s² + σ²), and Var(v | x_t) = s²/(α²s² + σ²).
    """

    def variance(t):
        r = ratio_at(schedule, t)
        of_noise = STD**2 / (STD**2 + r**2)
        return of_noise if prediction == "noise" else (1 + r**2) * of_noise

    return scipy.integrate.quad(variance, 0, 1, limit=200)[0]


def best_denoiser(prediction):
    def network(noised, ratio):
        alpha, sigma = 1 / jnp.sqrt(1 + ratio[:, None] ** 2), ratio[:, None] / jnp.sqrt(1 + ratio[:, None] ** 2)
        variance = alpha**2 * STD**2 + sigma**2
        # The covariance of the target and x_t, over the variance of x_t.
        covariance = sigma if prediction == "noise" else alpha * sigma * (1 - STD**2)
        return covariance / variance * noised

    return network


@pytest.fixture(name="losses", scope="module")
def losses_of_the_best_denoiser():
    """{(schedule, prediction): [3]}: the loss of the best denoiser, of .9 times it and of 1.1 times it."""
    x = STD * np.random.default_rng(2).normal(size=(20_000, 5)).astype(np.float32)

    def of_scales(key, schedule, prediction):
        best = best_denoiser(prediction)
        return jax.vmap(lambda scale: denoising_loss(lambda *a: scale * best(*a), x, key, schedule, prediction))(
            jnp.array([1.0, 0.9, 1.1])
        )

    @jax.jit
    def losses(key):
        return [of_scales(key, *case) for case in CASES]

    return dict(zip(CASES, losses(jax.random.key(0)), strict=True))


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_the_best_denoiser_s_loss_is_the_least_there_is(case, losses):
    found, *others = losses[case]
    assert float(found) == pytest.approx(least_loss(*case), rel=0.02)
    assert all(other > found for other in others)


def test_levels_spread_evenly_over_the_batch():
    """Two examples of a batch of ten are never in the same tenth of the schedule, and all of it is met."""

    @jax.jit
    @jax.vmap
    def ratios(key):
        seen = []

        def spy(noised, ratio):
            seen.append(ratio)
            return noised

        denoising_loss(spy, jnp.zeros((10, 2)), key, "cosine", "v")
        return seen[0]

    drawn = np.sort(2 / np.pi * np.arctan(ratios(jax.random.split(jax.random.key(0), 50))))
    np.testing.assert_allclose(np.diff(drawn), 0.1, atol=0.01)  # the largest ratio is cut at t = .992
    assert scipy.stats.kstest(drawn[:, 0], "uniform", (0, 0.1)).pvalue > 0.01
