"""A diffusion model whose denoiser is the best there is for Gaussian data, so that its samples are known."""

import types

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.diffusion import Diffusion, diffusion_samples, visited
from deeplearn.models.samplers import SAMPLERS
from deeplearn.nn.noise import denoised_and_noise
from deeplearn.train import Trained

RATIO, LABEL = np.array([0.2, 1.0, 5.0], np.float32), np.array([0, 1, 2], np.int32)
SHAPE = (3, 1, 1)


class Best(nn.Module):
    """v̂ for x ~ N(label, 1/4), of scalar data; the label `classes` has the mean 4."""

    classes: int = 3

    @nn.compact
    def __call__(self, x, ratio, label):
        self.param("unused", nn.initializers.zeros, ())
        mean = jnp.where(label == self.classes, 4.0, label.astype(jnp.float32))
        ratio, mean = (each.reshape(-1, *(1,) * (x.ndim - 1)) for each in (ratio, mean))
        alpha, sigma = 1 / jnp.sqrt(1 + ratio**2), ratio / jnp.sqrt(1 + ratio**2)
        data = mean + alpha / 4 / (alpha**2 / 4 + sigma**2) * (x - alpha * mean)
        return (alpha * x - data) / sigma


def trained(**fields):
    model = Diffusion(Best(), **{"mean": 3.0, "std": 2.0, **fields})
    arguments = np.zeros((3, *SHAPE), np.float32), RATIO, (LABEL,)
    variables = model.init(jax.random.key(0), *arguments, method=Diffusion.estimate)
    assert set(variables["params"]) == {"denoiser"}
    return Trained(model, variables, jax.random.key(1), types.SimpleNamespace())


def test_data_are_scaled_and_back():
    model = trained()
    np.testing.assert_allclose(model(Diffusion.normalise, np.array([3.0, 7.0])), [0, 2])
    np.testing.assert_allclose(model(Diffusion.restore, np.array([0.0, 2.0])), [3, 7])


@pytest.mark.parametrize("guidance", [0.0, 1.5])
def test_guidance_pushes_away_from_the_unconditional_estimate(guidance):
    model, x = trained(), np.random.default_rng(0).normal(size=(3, *SHAPE)).astype(np.float32)
    weights = {"params": model.variables["params"]["denoiser"]}
    with_label, without = (Best().apply(weights, x, RATIO, label) for label in (LABEL, np.full(3, 3)))
    output = with_label + guidance * (with_label - without)
    found = model(Diffusion.estimate, x, RATIO, (LABEL,), (np.full(3, 3),), guidance=guidance)
    for one, other in zip(found, denoised_and_noise(output, x, RATIO, "v"), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sampler", list(SAMPLERS))
def test_samples_are_the_data_of_the_labels_in_their_own_units(sampler):
    label = np.repeat(LABEL, 2000)
    x = diffusion_samples(trained(schedule="cosine"), (label,), SHAPE, sampler=sampler, steps=60)
    assert x.shape == (6000, *SHAPE)
    for value in LABEL:
        assert x[label == value].mean() == pytest.approx(3 + 2 * value, abs=0.1)
        assert x[label == value].std() == pytest.approx(1, rel=0.1)


def test_solvers_have_their_papers_levels_and_the_others_those_of_training():
    def made(schedule, sampler, scale=1.0):
        model = trained(schedule=schedule, noise_scale=scale)
        return diffusion_samples(model, (LABEL,), SHAPE, sampler=sampler, steps=4)

    for name, first in (
        ("heun", (80 ** (1 / 7) * 2 / 3 + 0.002 ** (1 / 7) / 3) ** 7),
        ("dpm++", 80 * 4e4 ** (-1 / 3)),
    ):
        np.testing.assert_array_equal(made("cosine", name), made("lognormal", name))
        assert visited(trained().model, name, 4)[1] == pytest.approx(first, rel=1e-4)
    assert not np.array_equal(made("cosine", "ddim"), made("lognormal", "ddim"))
    assert not np.array_equal(made("cosine", "ddim"), made("cosine", "ddim", scale=0.5))


def test_guidance_moves_samples_away_from_the_others():
    label = np.repeat(LABEL, 300)
    free = (np.full_like(label, 3),)
    plain, pushed = (diffusion_samples(trained(), (label,), SHAPE, free=free, guidance=g) for g in (0.0, 0.5))
    # The unconditional mean lies above all of the classes'.
    assert all(pushed[label == value].mean() < plain[label == value].mean() - 0.3 for value in LABEL)
