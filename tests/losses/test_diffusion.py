"""The denoising objective on Gaussian data, where the best denoiser and its loss are known."""

import itertools
import types

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from deeplearn.losses.diffusion import denoising_loss, diffusion_loss, drop_labels

STD = 0.6
CASES = list(itertools.product(("linear", "cosine", "lognormal"), ("noise", "v", "x")))  # schedule, prediction


class Targets(chex.TestCase):
    @chex.all_variants
    def test_a_network_that_knows_the_data_has_no_loss(self):
        x = np.random.default_rng(1).normal(size=(6, 3, 2)).astype(np.float32)

        def oracle(prediction, shift):
            def network(noised, ratio):
                alpha = (1 / jnp.sqrt(1 + ratio**2))[:, None, None]
                sigma = ratio[:, None, None] * alpha
                noise = (noised - alpha * x) / sigma
                return shift + {"noise": noise, "v": alpha * noise - sigma * x, "x": x}[prediction]

            return network

        @self.variant
        def losses(key):
            return [
                denoising_loss(oracle(prediction, shift), x, key, "cosine", prediction)
                for prediction in ("noise", "v")
                for shift in (0.0, 2.0)
            ] + [denoising_loss(oracle("x", 0.0), x, key, "cosine", "x")]

        # A mean over elements, squared.
        np.testing.assert_allclose(losses(jax.random.key(0)), [0, 4, 0, 4, 0], atol=0.01)


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

    Var(ε | x_t) = α²s²/(α²s² + σ²), Var(v | x_t) = s²/(α²s² + σ²), Var(x | x_t) = σ²s²/(α²s² + σ²), weighted.
    """

    def variance(t):
        r = ratio_at(schedule, t)
        of_noise = STD**2 / (STD**2 + r**2)
        of_x = r**2 * of_noise * min(max(1 / r**2, 1), 5)
        return {"noise": of_noise, "v": (1 + r**2) * of_noise, "x": of_x}[prediction]

    return scipy.integrate.quad(variance, 0, 1, limit=200)[0]


def best_denoiser(prediction):
    def network(noised, ratio):
        alpha, sigma = 1 / jnp.sqrt(1 + ratio[:, None] ** 2), ratio[:, None] / jnp.sqrt(1 + ratio[:, None] ** 2)
        variance = alpha**2 * STD**2 + sigma**2
        # The covariance of the target and x_t, over the variance of x_t.
        covariance = {"noise": sigma, "v": alpha * sigma * (1 - STD**2), "x": alpha * STD**2}[prediction]
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


def test_of_a_model_it_is_the_loss_of_its_denoiser_on_scaled_data():
    key, label = jax.random.key(5), np.arange(6) % 4
    x = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)

    def denoiser(noised, ratio, label):
        return (label + ratio)[:, None] * noised

    model = types.SimpleNamespace(
        denoiser=denoiser,
        normalise=lambda x: (x - 1) / 2,
        make_rng={"noise": key}.get,
        schedule="cosine",
        prediction="noise",
        noise_scale=3.0,
    )
    expected = denoising_loss(lambda *args: denoiser(*args, label), (x - 1) / 2, key, "cosine", "noise", 3.0)
    assert diffusion_loss(model, x, label) == expected > 0


def test_labels_are_dropped_with_the_probability():
    label = np.arange(20_000) % 3
    found = np.asarray(drop_labels(label, jax.random.key(0), 0.1, 3))
    assert ((found == label) | (found == 3)).all()
    for value in range(3):
        assert (found[label == value] == 3).mean() == pytest.approx(0.1, abs=0.015)
    np.testing.assert_array_equal(drop_labels(label, jax.random.key(0), 0.0, 3), label)
    assert (drop_labels(label, jax.random.key(0), 1.0, 3) == 3).all()
