"""What a generator of styles measures and draws, of one whose pixels are the means of its layers' styles."""

from types import SimpleNamespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn import train as dl
from deeplearn.adversarial import style_report
from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.style import StyleGAN

FACTOR, FEATURE = 0.2, 3.0  # w = FACTOR · z; the judge's features are FEATURE · pixels
MEAN = np.array([0.1, 0.3], np.float32)


class Scaled(nn.Module):
    @nn.compact
    def __call__(self, z):
        return z * FACTOR


class Painted(nn.Module):
    """Four styles of 2 numbers -> 2×2 pixels, each the mean of its style, and noise."""

    noise: float = 0.0

    @nn.compact
    def __call__(self, styles, key):
        image = styles.mean(-1).reshape(-1, 2, 2, 1)
        return image + self.noise * jax.random.normal(key, image.shape)


class Judge(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        return x.reshape(len(x), -1).sum(-1)


def player(noise=0.0):
    model = StyleGAN(Scaled(), Painted(noise), Discriminator(Judge()), side=8, latents=2, mixing=0.5)
    return dl.Trained(model, {"moving_mean": {"mean_w": {"mean": jnp.asarray(MEAN)}}}, jax.random.key(0), None)


@pytest.mark.parametrize(("of", "expected"), [("w", 1.0), ("z", np.pi**2 / 12)])
def test_path_lengths_are_those_of_straight_lines_and_of_arcs(monkeypatch, of, expected):
    """‖Δ features‖² is FEATURE² · FACTOR² · E[mean of (b − a)]² of a line, and E[angle²] / 4 of an arc."""
    monkeypatch.setattr(
        style_report, "judge", lambda _: lambda image: (None, FEATURE * image.reshape(len(image), -1))
    )
    found = style_report.perceptual_path_length(player(), None, of)
    assert found == pytest.approx(FEATURE**2 * FACTOR**2 * expected, rel=0.15)


def test_a_row_of_truncations_goes_through_the_mean_to_the_opposite():
    made = np.asarray(player()(style_report.truncated, rows=5)).reshape(5, 9, 4)
    middle = np.full((5, 4), (MEAN.mean() + 1) / 2)
    np.testing.assert_allclose(made[:, 4], middle, rtol=1e-5)
    np.testing.assert_allclose(made[:, 0] + made[:, -1], 2 * middle, rtol=1e-5)
    np.testing.assert_allclose(made[:, 6] - middle, (made[:, 8] - middle) / 2, atol=1e-6)
    assert np.ptp(made[:, -1, 0]) > 0.01


@pytest.mark.parametrize("crossover", [1, 2, 3])
def test_coarse_layers_are_those_of_the_left_and_fine_ones_those_of_the_top(crossover):
    made = np.asarray(player()(style_report.mixtures, rows=3, columns=4, crossover=crossover)).reshape(4, 5, 4)
    np.testing.assert_array_equal(made[0, 0], 1)
    for row in range(1, 4):
        for column in range(1, 5):
            expected = [*made[row, 0, :crossover], *made[0, column, crossover:]]
            np.testing.assert_allclose(made[row, column], expected, rtol=1e-6)
    assert np.ptp(made[1:, 0, 0]) > 0.01 and np.ptp(made[0, 1:, 0]) > 0.01


def test_noise_alone_differs_between_images_of_one_style():
    still, noisy = (np.asarray(player(noise)(style_report.noises, rows=3, many=5)) for noise in (0.0, 0.1))
    assert still.shape == (5, 3, 2, 2, 1)
    np.testing.assert_array_equal(still, np.broadcast_to(still[:1], still.shape))
    assert noisy.std(0).min() > 0.01


def test_the_sweep_measures_truncated_images(monkeypatch):
    seen = []

    def quality(image, dataset):
        seen.append(image)
        return {"recall": 3.0, "precision": 2.0, "frechet_distance": 1.0, "other": 0.0}

    monkeypatch.setattr(style_report, "swept_quality", quality)
    monkeypatch.setattr(style_report, "sample_count", lambda dataset, most: 50)
    table = style_report.truncation_sweep(player(), None)
    np.testing.assert_allclose(table[:, 0], style_report.TRUNCATIONS)
    np.testing.assert_array_equal(table[:, 1:], [[1, 2, 3]] * len(table))
    spread = [np.std(image) for image in seen]
    assert spread[0] == pytest.approx(0, abs=1e-6) and (np.diff(spread) > 0).all()


def test_a_user_s_images_and_walks_are_truncated():
    fields, dataset = style_report.style_report(), SimpleNamespace()
    still = fields["images"](player(), dataset, 3, truncation=0.0)
    np.testing.assert_allclose(still, np.full((3, 2, 2, 1), (MEAN.mean() + 1) / 2), rtol=1e-5)
    np.testing.assert_allclose(
        fields["walk"](player(), dataset, 2, 3, truncation=0.0), np.tile(still, (2, 1, 1, 1))
    )
    assert np.ptp(fields["images"](player(), dataset, 20)) > 0.01
