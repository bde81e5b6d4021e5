"""The variational bound of diffusion where the best denoiser, and so the bound, is known."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from deeplearn.losses.variational_bound import diffusion_bound, variational_bound

ROWS = 60_000


def mean_bound(denoiser, x, grid, smallest):
    """Means over rows of the parts, in numpy."""
    bound = jax.jit(lambda key: variational_bound(denoiser, jnp.float32(x), jnp.float32(grid), key, smallest))
    return {name: float(part.mean()) for name, part in bound(jax.random.key(0)).items()}


def knowing(grid, chance):
    """E[x | z] and E[ε | z] by Bayes' rule, for elements that are grid[k] with probability chance[k]."""

    def denoiser(z, ratio):
        ratio = ratio[:, None]
        alpha, sigma = 1 / jnp.sqrt(1 + ratio**2), ratio / jnp.sqrt(1 + ratio**2)
        logits = jnp.log(chance) - ((z[..., None] - alpha[..., None] * grid) / sigma[..., None]) ** 2 / 2
        data = (jax.nn.softmax(logits) * grid).sum(-1)
        return data, (z - alpha * data) / sigma

    return denoiser


GRID = np.linspace(-1.2, 2.0, 5)
CHANCE = np.array([0.4, 0.1, 0.25, 0.2, 0.05])


def draws():
    return np.random.default_rng(0).choice(GRID, size=(ROWS, 2), p=CHANCE)


def test_the_best_denoiser_needs_as_many_nats_as_the_entropy():
    found = mean_bound(knowing(GRID, CHANCE), draws(), GRID, smallest=0.1)
    assert found["nats"] == pytest.approx(2 * scipy.stats.entropy(CHANCE), rel=0.01)
    assert found["nats"] == pytest.approx(found["prior"] + found["decoder"] + found["denoising"], rel=1e-5)
    assert 0 <= found["prior"] < 1e-3 and 0 <= found["decoder"] < 0.01


def test_the_decoder_takes_over_where_noise_hides_the_levels():
    """By quadrature: −log softmax of the distances, and a bound that is looser, since it knows no frequencies."""
    noise, smallest = scipy.stats.norm.ppf((np.arange(4000) + 0.5) / 4000), 0.8
    seen = GRID[:, None] + smallest * noise
    logs = -(((seen[..., None] - GRID) / smallest) ** 2) / 2
    logs -= np.log(np.exp(logs).sum(-1, keepdims=True))
    expected = -2 * sum(chance * logs[k, :, k].mean() for k, chance in enumerate(CHANCE))
    found = mean_bound(knowing(GRID, CHANCE), draws(), GRID, smallest)
    assert found["decoder"] == pytest.approx(expected, rel=0.01)
    assert found["nats"] > 2 * scipy.stats.entropy(CHANCE) + 0.02


def test_gaussian_data_of_ever_finer_levels_need_the_entropy_of_their_density():
    """The denoiser knows the density, not the levels: with r₀ of a few levels its bound is h(x) − log Δ."""
    std, spacing = 0.6, 0.02
    grid = np.arange(-160, 161) * spacing
    quantiles = scipy.stats.norm.ppf((np.arange(48_000) + 0.5) / 48_000, scale=std)
    x = np.random.default_rng(1).permutation(spacing * np.rint(quantiles / spacing)).reshape(3000, 16)

    def denoiser(z, ratio):
        alpha, sigma = 1 / jnp.sqrt(1 + ratio**2)[:, None], (ratio / jnp.sqrt(1 + ratio**2))[:, None]
        return z, sigma / (alpha**2 * std**2 + sigma**2) * z

    found = mean_bound(denoiser, x, grid, smallest=3 * spacing)
    entropy = np.log(2 * np.pi * np.e * std**2) / 2 - np.log(spacing)
    assert found["nats"] / 16 == pytest.approx(entropy, rel=0.02)


def test_a_worse_denoiser_needs_more():
    x, best = draws(), knowing(GRID, CHANCE)
    needed = [
        mean_bound(lambda z, ratio, scale=scale: (z, scale * best(z, ratio)[1]), x, GRID, 0.1)["nats"]
        for scale in (1.0, 0.95, 1.05)
    ]
    assert needed[0] < min(needed[1:])


def test_of_a_model_it_is_the_bound_of_its_estimate_on_scaled_levels():
    key, label = jax.random.key(3), np.array([1, 2])
    image = np.array([[0.0, 0.25], [1.0, 0.5]])

    def estimate(z, ratio, condition):
        return z, (ratio + condition[0])[:, None] * z

    model = types.SimpleNamespace(
        normalise=lambda x: (x - 0.5) / 0.2, estimate=estimate, make_rng={"noise": key}.get
    )
    found = diffusion_bound(model, image, 5, label, step=0.4)
    grid, spacing = (jnp.arange(5) / 4 - 0.5) / 0.2, 0.25 / 0.2
    expected = variational_bound(
        lambda z, ratio: estimate(z, ratio, (label,)), (image - 0.5) / 0.2, grid, key, 0.4 * spacing
    )
    for name, part in found.items():
        np.testing.assert_allclose(part, expected[name], rtol=1e-4)
