"""Samplers on Gaussian data, where the best denoiser, the posterior and the solution of the equation are known."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.samplers import (
    SAMPLERS,
    ddim_step,
    ddpm_step,
    dpm_solver_step,
    evaluations,
    follow,
    heun_step,
    levels_within,
    sample,
)
from deeplearn.nn.noise import sampling_ratios

MEAN, STD = 0.4, 0.7  # of the data
SHAPE = (10_000, 2)  # one for all: nearly all the time here goes into compiling


@jax.jit
def best_denoiser(x, ratio):
    """E[x | x_t] and E[ε | x_t] for data N(MEAN, STD²)."""
    assert ratio.shape == (len(x),)
    ratio = ratio[:, None]
    alpha, sigma = 1 / jnp.sqrt(1 + ratio**2), ratio / jnp.sqrt(1 + ratio**2)
    gain = alpha * STD**2 / (alpha**2 * STD**2 + sigma**2)
    data = MEAN + gain * (x - alpha * MEAN)
    noise = sigma / (alpha**2 * STD**2 + sigma**2) * (x - alpha * MEAN)
    return data, noise


def error(step, ratios):
    """Distance of samples to those of the exact equation from the same noise, in units of their own spread.

    dy/dr = E[ε | y], y = x/α, is solved by y(r) = m + (y(R) − m) √((s² + r²)/(s² + R²)).
    """
    key = jax.random.key(0)
    start = sample(step, best_denoiser, key, SHAPE, ratios[:1])
    y = np.asarray(start) * np.sqrt(1 + float(ratios[0]) ** 2)
    exact = MEAN + (y - MEAN) * STD / np.sqrt(STD**2 + float(ratios[0]) ** 2)
    found = np.asarray(sample(step, best_denoiser, key, SHAPE, ratios))
    return np.std(found - exact) / np.std(exact)


@pytest.mark.parametrize(("step", "order"), [(ddim_step, 1), (heun_step, 2), (dpm_solver_step, 2)])
def test_errors_fall_with_the_order_of_the_sampler(step, order):
    """Grids of which each halves the other's intervals."""
    errors = [error(step, sampling_ratios("lognormal", intervals + 1)) for intervals in (16, 32, 64)]
    assert errors[-1] < (0.05, 0.005)[order - 1]
    for coarse, fine in itertools.pairwise(errors):
        assert np.log2(coarse / fine) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "lognormal"])
@pytest.mark.parametrize("name", list(SAMPLERS))
def test_samples_have_the_data_s_mean_and_std(name, schedule):
    # DDPM's posterior ignores the uncertainty of x̂: its samples are too narrow, by as much as about five steps
    # add.
    ratios = sampling_ratios(schedule, 300 if name == "ddpm" else 100)
    x = np.asarray(sample(SAMPLERS[name], best_denoiser, jax.random.key(1), SHAPE, ratios))
    assert x.mean() == pytest.approx(MEAN, abs=0.03)
    assert x.std() == pytest.approx(STD, rel=0.04)


def test_a_ddpm_step_draws_from_the_posterior_of_the_noising():
    """q(x_s | x_t, x) by Bayes' rule from q(x_s | x) and q(x_t | x_s), both Gaussian."""
    ratio, lower, data, noised = 1.5, 0.8, 0.9, -0.4
    (alpha, sigma), (alpha_s, sigma_s) = ((1 / np.sqrt(1 + r**2), r / np.sqrt(1 + r**2)) for r in (ratio, lower))
    slope = alpha / alpha_s  # x_t = slope · x_s + noise of variance 1 − slope²
    precision = 1 / sigma_s**2 + slope**2 / (1 - slope**2)
    mean = (alpha_s * data / sigma_s**2 + slope * noised / (1 - slope**2)) / precision

    def oracle(x, ratio):
        return jnp.full_like(x, data), (x - alpha * data) / sigma

    x = jnp.full(SHAPE, noised)
    drawn = np.asarray(ddpm_step(oracle, x, jnp.float32(ratio), jnp.float32(lower), jax.random.key(0))[0])
    assert drawn.mean() == pytest.approx(mean, abs=4 / np.sqrt(20_000 * precision))
    assert drawn.var() == pytest.approx(1 / precision, rel=0.04)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_data_of_a_single_point_is_reached_exactly(name):
    point = np.array([0.3, -1.2], np.float32)

    def oracle(x, ratio):
        alpha, sigma = 1 / jnp.sqrt(1 + ratio**2)[:, None], (ratio / jnp.sqrt(1 + ratio**2))[:, None]
        return jnp.broadcast_to(point, x.shape), (x - alpha * point) / sigma

    found = sample(SAMPLERS[name], oracle, jax.random.key(0), SHAPE, sampling_ratios("lognormal", 5))
    np.testing.assert_allclose(found, np.tile(point, (10_000, 1)), atol=1e-4)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_denoiser_is_compiled_once_for_all_levels(name):
    chex.clear_trace_counter()

    @jax.jit
    @chex.assert_max_traces(n=1)
    def denoiser(x, ratio):
        return best_denoiser(x, ratio)

    sample(SAMPLERS[name], denoiser, jax.random.key(0), SHAPE, sampling_ratios("cosine", 4))


def test_only_ddpm_draws_on_the_way():
    ratios = sampling_ratios("lognormal", 4)
    first = ratios[0], ratios[1]
    x = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    for name, step in SAMPLERS.items():
        one, other = (np.asarray(step(best_denoiser, x, *first, jax.random.key(seed))[0]) for seed in (1, 2))
        assert np.array_equal(one, other) == (name != "ddpm")


def say_nothing(x, ratio):
    return jnp.zeros_like(x), jnp.zeros_like(x)


@pytest.mark.parametrize("denoiser", [best_denoiser, say_nothing])
def test_the_key_decides(denoiser):
    """The start, which all samplers keep something of, and each draw: the second denoiser leaves but the last."""
    step, ratios = (ddim_step if denoiser is best_denoiser else ddpm_step), sampling_ratios("lognormal", 4)[:-1]
    one, again, other = (
        np.asarray(sample(step, denoiser, jax.random.key(seed), SHAPE, ratios)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert np.mean(one == other) < 1e-3


def test_dpm_solver_takes_the_steps_of_its_paper():
    """Algorithm 2 of Lu et al. 2022 once more, in their letters, for a denoiser that is linear in x_t."""
    ratios = np.array([4.0, 1.5, 0.6, 0.2])
    alpha, sigma = 1 / np.sqrt(1 + ratios**2), ratios / np.sqrt(1 + ratios**2)
    lam = np.log(alpha / sigma)
    gains = np.array([0.9, 0.5, 0.4, 0.1])

    def denoiser(x, ratio):
        data = x * jnp.interp(-ratio, -ratios, gains)[:, None]
        return data, x  # it needs no ε̂

    x = start = np.random.default_rng(0).normal(size=(5, 2))
    buffer = []
    for i in range(1, 4):
        buffer.append(gains[i - 1] * x)
        h = lam[i] - lam[i - 1]
        estimate = buffer[-1]
        if i > 1:
            r = (lam[i - 1] - lam[i - 2]) / h
            estimate = (1 + 1 / (2 * r)) * buffer[-1] - 1 / (2 * r) * buffer[-2]
        x = sigma[i] / sigma[i - 1] * x - alpha[i] * (np.exp(-h) - 1) * estimate
    found = follow(dpm_solver_step, denoiser, jax.random.key(0), jnp.float32(start), jnp.float32(ratios))
    np.testing.assert_allclose(found, x, rtol=1e-4, atol=1e-6)


def test_solvers_of_second_order_end_in_the_same_sample():
    ratios = sampling_ratios("lognormal", 64)
    key = jax.random.key(0)
    heun, dpm = (
        np.asarray(sample(step, best_denoiser, key, SHAPE, ratios)) for step in (heun_step, dpm_solver_step)
    )
    assert np.std(heun - dpm) < 0.005 * STD


@pytest.mark.parametrize("name", list(SAMPLERS))
@pytest.mark.parametrize("levels", [1, 2, 7])
def test_evaluations_are_counted_as_they_are_made(name, levels):
    made = []

    def denoiser(x, ratio):
        made.append(ratio)
        return x, x

    ratios = jnp.append(jnp.linspace(2.0, 1.0, levels), 0.0)
    sample(SAMPLERS[name], denoiser, jax.random.key(0), (2, 1), ratios)
    assert len(made) == evaluations(name, levels)
    assert levels_within(name, len(made)) == levels
    assert evaluations(name, levels_within(name, 10)) <= 10 < evaluations(name, levels_within(name, 10) + 1)


@pytest.mark.parametrize(("step", "error"), [(ddim_step, 0.02), (heun_step, 0.001)])
def test_rising_ratios_lead_from_data_to_their_noise_and_back(step, error):
    """The closed form of `error` read backwards: standard data become standard noise."""
    rising = sampling_ratios("lognormal", 96)[:-1][::-1]
    drawn = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    y = MEAN + drawn * np.sqrt(STD**2 + float(rising[0]) ** 2)
    alpha, last = 1 / np.sqrt(1 + float(rising[0]) ** 2), float(rising[-1])
    noise = np.asarray(follow(step, best_denoiser, jax.random.key(0), jnp.asarray(alpha * y), rising))
    expected = (MEAN + drawn * np.sqrt(STD**2 + last**2)) / np.sqrt(1 + last**2)
    np.testing.assert_allclose(noise.std(), expected.std(), rtol=5 * error)
    back = follow(step, best_denoiser, jax.random.key(0), jnp.asarray(noise), rising[::-1])
    assert np.std(np.asarray(back) - alpha * y) < 2.5 * error
