"""Noise levels against their definitions in the papers."""

import chex
import jax
import numpy as np
import pytest
import scipy.stats
from absl.testing import parameterized

from deeplearn.nn import noise
from deeplearn.nn.noise import (
    LARGEST,
    PREDICTIONS,
    SCHEDULES,
    SMALLEST,
    denoised_and_noise,
    even_ratios,
    sampling_ratios,
    signal_and_noise,
)

noise_ratio = jax.jit(noise.noise_ratio, static_argnums=(0, 2))
T = np.linspace(0.02, 0.98, 49)


def test_signal_and_noise_keep_unit_variance_and_their_ratio():
    ratio = np.geomspace(SMALLEST, LARGEST, 20)
    alpha, sigma = signal_and_noise(ratio)
    np.testing.assert_allclose(alpha**2 + sigma**2, 1, rtol=1e-6)
    np.testing.assert_allclose(sigma / alpha, ratio, rtol=1e-6)
    np.testing.assert_array_equal(signal_and_noise(0.0), (1, 0))


def test_the_linear_schedule_is_the_limit_of_ddpm_s_thousand_steps():
    kept = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))  # ᾱ after 1, 2 … 1000 steps
    steps = np.arange(50, 901, 50)
    expected = np.sqrt((1 - kept) / kept)[steps - 1]
    np.testing.assert_allclose(noise_ratio("linear", steps / 1000), expected, rtol=0.04)


def test_the_linear_schedule_integrates_its_beta():
    """α² = exp(−∫β), β(t) = .1 + 19.9 t (Song et al. 2021, equation 33)."""
    fine = np.linspace(0, T, 101)
    alpha = np.exp(-np.trapezoid(0.1 + 19.9 * fine, fine, axis=0) / 2)
    expected = np.clip(np.sqrt(1 - alpha**2) / alpha, SMALLEST, LARGEST)
    np.testing.assert_allclose(noise_ratio("linear", T), expected, rtol=1e-4)


def test_the_cosine_schedule_turns_signal_into_noise_along_a_circle():
    alpha, sigma = signal_and_noise(noise_ratio("cosine", T))
    np.testing.assert_allclose(alpha, np.cos(np.pi * T / 2), atol=1e-6)
    np.testing.assert_allclose(sigma, np.sin(np.pi * T / 2), atol=1e-6)


def test_the_lognormal_schedule_has_the_quantiles_of_its_distribution():
    expected = scipy.stats.lognorm(s=1.2, scale=np.exp(-1.2)).ppf(T)
    np.testing.assert_allclose(noise_ratio("lognormal", T), expected, rtol=1e-5)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_ratios_rise_between_the_two_ends(schedule):
    ratios = np.asarray(noise_ratio(schedule, np.linspace(0, 1, 201)))
    assert ratios[0] == pytest.approx(SMALLEST) and ratios[-1] == pytest.approx(LARGEST)
    assert np.all(np.diff(ratios) >= 0) and np.all(np.diff(ratios[5:-20]) > 0)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_sampler_s_ratios_fall_from_the_largest_to_nothing(schedule):
    ratios = np.asarray(sampling_ratios(schedule, 6))
    assert len(ratios) == 7 and ratios[-1] == 0
    assert ratios[0] == pytest.approx(LARGEST)
    assert np.all(np.diff(ratios) < 0)


def test_a_sampler_s_ratios_are_their_grids():
    i = np.arange(9)
    expected = (80 ** (1 / 7) + i / 8 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    np.testing.assert_allclose(sampling_ratios("lognormal", 9)[:-1], expected, rtol=1e-4)
    expected = np.tan(np.pi / 2 * np.array([0.75, 0.5, 0.25]))
    np.testing.assert_allclose(sampling_ratios("cosine", 4)[1:-1], expected, rtol=1e-5)


def test_even_ratios_fall_by_one_factor():
    ratios = np.asarray(even_ratios(6))
    assert ratios[0] == pytest.approx(LARGEST) and ratios[-2] == pytest.approx(SMALLEST) and ratios[-1] == 0
    np.testing.assert_allclose(ratios[1:-1] / ratios[:-2], (SMALLEST / LARGEST) ** (1 / 5), rtol=1e-4)


def test_an_unknown_schedule_is_named():
    with pytest.raises(ValueError, match="no noise schedule 'sine': linear, cosine or lognormal"):
        noise_ratio("sine", 0.5)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_scale_shifts_the_logarithm_of_signal_to_noise(schedule):
    """By −2 log s at every t (Hoogeboom et al. 2023, equation 4), in training and on the sampler's way."""

    def log_snr(scale):
        alpha, sigma = signal_and_noise(noise_ratio(schedule, T, scale))
        return 2 * np.log(alpha / sigma)

    inside = np.asarray(noise_ratio(schedule, T, 4.0)) < LARGEST
    shift = (log_snr(4.0) - log_snr(1.0))[inside]
    assert inside.sum() > 10
    np.testing.assert_allclose(shift, -2 * np.log(4), rtol=1e-4)
    if schedule != "lognormal":  # whose grid has its own ends
        steps = np.arange(4, 10)
        plain, scaled = (np.asarray(sampling_ratios(schedule, 10, scale))[steps] for scale in (1.0, 0.25))
        np.testing.assert_allclose(scaled, np.maximum(plain / 4, SMALLEST), rtol=1e-5)


def test_a_sampler_starts_at_the_largest_ratio_at_every_scale():
    assert sampling_ratios("lognormal", 6, 3.5)[0] == pytest.approx(LARGEST)


class Estimates(chex.TestCase):
    @chex.all_variants
    @parameterized.parameters(*PREDICTIONS)
    def test_the_true_target_gives_data_and_noise(self, prediction):
        """Images, each with its own level."""
        generator = np.random.default_rng(0)
        x, noise = generator.normal(size=(2, 5, 3, 4, 2))
        ratio = np.array([0.01, 0.3, 1.0, 4.0, 20.0])
        alpha, sigma = (
            level.reshape(5, 1, 1, 1) for level in (1 / np.sqrt(1 + ratio**2), ratio / np.sqrt(1 + ratio**2))
        )
        target = {"noise": noise, "v": alpha * noise - sigma * x, "x": x}[prediction]
        estimate = self.variant(lambda *arguments: denoised_and_noise(*arguments, prediction))
        found = estimate(target, alpha * x + sigma * noise, ratio)
        chex.assert_trees_all_close(found, (x.astype(np.float32), noise.astype(np.float32)), atol=3e-5)
