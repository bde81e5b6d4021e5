"""Pictures while they come to be."""

import types

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.models.samplers import SAMPLERS, sample
from deeplearn.nn.noise import sampling_ratios
from deeplearn.text_to_image.watched import in_range, watching

DATA = types.SimpleNamespace(restore=lambda x: x * 0.5 + 0.5)


def test_every_level_shows_what_it_estimates_and_the_last_what_is_made():
    truth, seen = jnp.linspace(-1, 3, 12).reshape(1, 2, 2, 3), []

    def denoiser(x, ratio):
        return truth, (x - truth) / ratio[:, None, None, None]

    def finished(x):
        return in_range(DATA, x)

    ratios = sampling_ratios("lognormal", 5)
    way = SAMPLERS["ddim"], denoiser, jax.random.key(0), (1, 2, 2, 3), ratios
    made = finished(sample(*way, watching(seen.append, finished)))
    assert len(seen) == 5
    np.testing.assert_allclose(in_range(DATA, truth, 0.25), np.clip(truth * 0.5 + 0.75, 0, 1), atol=1e-6)
    for shown in seen:
        np.testing.assert_allclose(shown, np.clip(truth * 0.5 + 0.5, 0, 1), atol=1e-6)
    np.testing.assert_allclose(made, seen[-1], atol=1e-2)
    np.testing.assert_array_equal(made, finished(sample(*way)))


def test_nobody_who_looks_costs_nothing():
    assert watching(None, np.asarray) is None
