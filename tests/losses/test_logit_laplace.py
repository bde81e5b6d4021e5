"""The logit-Laplace density integrates to what it should."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from deeplearn.losses.logit_laplace import logit_laplace_log_density
from deeplearn.nn.functional import map_pixels, unmap_pixels


def test_it_is_a_laplace_on_logits_by_the_change_of_variables():
    y = np.linspace(0.11, 0.89, 30)
    x = unmap_pixels(y)
    logit = np.log(y / (1 - y))
    for mean, scale in ((0.3, 0.5), (-1.0, 2.0)):
        expected = scipy.stats.laplace(mean, scale).logpdf(logit) - np.log(y * (1 - y))
        found = logit_laplace_log_density(x, np.full(30, mean), np.full(30, np.log(scale)))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_over_the_open_interval_it_integrates_to_one():
    def density(y):
        x = unmap_pixels(np.array([y]))
        return float(np.exp(logit_laplace_log_density(x, np.array([0.4]), np.array([-0.5])))[0])

    assert scipy.integrate.quad(density, 1e-6, 1 - 1e-6, limit=200)[0] == pytest.approx(1, rel=1e-3)


def test_pixels_are_mapped_and_back():
    x = np.linspace(0, 1, 7)
    assert map_pixels(x)[[0, -1]] == pytest.approx([0.1, 0.9])
    np.testing.assert_allclose(unmap_pixels(map_pixels(x)), x, atol=1e-12)
