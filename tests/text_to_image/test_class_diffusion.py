"""A diffusion model of images by class: what the flags make of a data set, and bits with and without the class."""

import dataclasses
import types

import jax
import numpy as np
import pytest

from deeplearn.text_to_image.class_diffusion import ClassDiffusionConfig, bits, class_samples, no_class
from deeplearn.train.flags import parse
from tests.experiments.pretend import pretend


def test_waves_repeat_after_one_level_two_and_four():
    dataset = dataclasses.replace(pretend("digits"), levels=17)
    model = parse(ClassDiffusionConfig, ["--waves=3"]).model(dataset)
    step = 1 / 16 / model.std  # between levels, as the U-Net sees them
    np.testing.assert_allclose(np.array(model.denoiser.waves) * step, 2 * np.pi / np.array([1, 2, 4]), rtol=1e-6)
    without = dataclasses.replace(dataset, levels=None)
    assert parse(ClassDiffusionConfig, ["--waves=3"]).model(without).denoiser.waves == ()
    assert parse(ClassDiffusionConfig, []).model(dataset).denoiser.waves == ()


class Trained:
    """As if the bound were 100 nats in each even draw and 102 in the others."""

    def __init__(self, nats=100.0):
        self.nats = nats

    def folded(self, number):
        return Trained(100.0 + 2 * (number % 2))

    def mean(self, function, arrays):
        assert set(arrays) >= {"image", "label"}
        return {"nats": self.nats}


def test_bits_are_means_of_draws_and_the_class_is_counted():
    dataset = pretend("digits")
    found = bits(Trained(), dataset)
    assert found["bits_per_dim_given_class"] == pytest.approx(101 / 64 / np.log(2))
    assert found["bits_per_dim"] == pytest.approx((101 / np.log(2) + np.log2(10)) / 64)
    assert bits(Trained(), dataclasses.replace(dataset, levels=None)) == {}


def test_samples_are_images_in_the_range_and_guidance_knows_what_says_nothing():
    dataset = pretend("digits")
    np.testing.assert_array_equal(no_class(3, dataset), [10, 10, 10])
    seen = []

    def estimate(function, *arrays, **static):
        if len(arrays) == 1:
            return arrays[0] * 50
        seen.append(arrays[2:])
        return arrays[0], arrays[0]

    model = types.SimpleNamespace(schedule="lognormal", noise_scale=1.0)
    fake = type(
        "Fake", (), {"model": model, "key": jax.random.key(0), "__call__": lambda self, *a, **k: estimate(*a, **k)}
    )
    label = np.array([2, 3], np.int32)
    made = class_samples(fake(), label, dataset, sampler="ddim", steps=2, guidance=1.5)
    assert made.shape == (2, 8, 8, 1) and made.min() == 0 and made.max() == 1
    (condition,), (free,), guidance = seen[0]
    np.testing.assert_array_equal(condition, label)
    np.testing.assert_array_equal(free, [10, 10])
    assert guidance == 1.5
