"""Ways from one picture to another, where the best denoiser is known: of Gaussian pixels noise is the picture."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.diffusion import Diffusion
from deeplearn.models.vae import VAE
from deeplearn.text_to_image.between import circle, in_pixels, pairs, straight, through_codes, through_noise
from tests.experiments.pretend import pretend

MEAN, STD = 0.5, 0.1


class Gaussian:
    """A trained diffusion model of pixels N(.5, .1²), and a VAE whose code is the picture."""

    model = types.SimpleNamespace(schedule="lognormal", noise_scale=1.0)
    key = jax.random.key(0)

    def __call__(self, function, *arrays, **static):
        if function is Diffusion.estimate:
            x, ratio = arrays[:2]
            alpha, sigma = (
                level[:, None, None, None] for level in (1 / jnp.sqrt(1 + ratio**2), ratio / jnp.sqrt(1 + ratio**2))
            )
            return alpha * x, sigma * x
        x = jnp.asarray(arrays[0])
        return {
            Diffusion.normalise: lambda: (x - MEAN) / STD,
            Diffusion.restore: lambda: x * STD + MEAN,
            VAE.observe: lambda: x.reshape(len(x), -1),
            VAE.encode: lambda: (2 * x, None),
            VAE.mean_image: lambda: x / 2,
        }[function]()


@pytest.mark.parametrize("mix", [circle, straight])
def test_noise_leads_back_to_the_ends_and_to_their_mixture(mix):
    rng = np.random.default_rng(0)
    one, other = rng.normal(MEAN, STD, size=(2, 4, 3, 3, 1)).clip(0.1, 0.9).astype(np.float32)
    between = through_noise(Gaussian(), pretend("digits"), mix, sampler="heun", steps=24)
    middle = mix((one - MEAN) / STD, (other - MEAN) / STD, 0.3) * STD + MEAN
    np.testing.assert_allclose(between(one, other, (0.0, 1.0, 0.3)), [one, other, middle], atol=0.02)


def test_codes_and_pixels_are_joined_by_straight_lines():
    one, other = np.random.default_rng(0).uniform(size=(2, 4, 3, 3, 1))
    for way in (through_codes(Gaussian()), in_pixels):
        np.testing.assert_allclose(way(one, other, (0.0, 0.25)), [one, 0.75 * one + 0.25 * other], rtol=1e-5)


def test_a_picture_is_never_paired_with_itself():
    one, other = pairs(pretend("digits"), 20)
    apart = np.abs(one["image"] - other["image"]).reshape(20, -1).max(1)
    assert apart.min() > 0
    assert len(np.unique(other["image"].reshape(20, -1), axis=0)) == 20
    assert sorted(one["label"]) == sorted(other["label"])
