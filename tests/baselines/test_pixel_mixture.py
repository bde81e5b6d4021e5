"""Draws of a mixture on data whose clusters, plane and size are known."""

import numpy as np
import pytest

from deeplearn.baselines.pixel_mixture import mixture_draws
from deeplearn.errors import UserError

RNG = np.random.default_rng(0)
MEANS = RNG.normal(size=(3, 12))
BASIS = np.linalg.qr(RNG.normal(size=(12, 2)))[0]  # clusters are flat: two directions


def images(count, seed):
    rng = np.random.default_rng(seed)
    which = rng.choice(3, count, p=(0.6, 0.3, 0.1))
    x = MEANS[which] + 0.1 * rng.normal(size=(count, 2)) * (1, 3) @ BASIS.T
    return x.reshape(count, 2, 3, 2).astype(np.float32), which


def test_draws_have_the_clusters_and_validation_finds_their_number():
    draws, components = mixture_draws(images(600, 1)[0], images(300, 2)[0], 3000, sizes=(1, 3, 12))
    assert components == 3 and draws.shape == (3000, 2, 3, 2) and draws.dtype == np.float32
    flat = draws.reshape(3000, 12)
    which = np.square(flat[:, None] - MEANS).sum(-1).argmin(1)
    for cluster, fraction in enumerate((0.6, 0.3, 0.1)):
        own = flat[which == cluster]
        assert len(own) / 3000 == pytest.approx(fraction, abs=0.05)
        np.testing.assert_allclose(own.mean(0), MEANS[cluster], atol=0.06)
        expected = BASIS * (0.01, 0.09) @ BASIS.T
        np.testing.assert_allclose(np.cov(own.T), expected, atol=0.03)
    assert 0.4 < (which[:500] == 0).mean() < 0.8  # in random order


def test_few_rows_and_few_pixels_will_do_and_one_row_is_a_sentence():
    draws, components = mixture_draws(images(2, 1)[0], images(3, 2)[0], 5)
    assert draws.shape == (5, 2, 3, 2) and components == 1
    same = np.full((4, 2, 2, 1), 0.5, np.float32)
    np.testing.assert_allclose(mixture_draws(same, same, 3)[0], 0.5, atol=0.1)
    with pytest.raises(UserError, match="two images at least"):
        mixture_draws(same[:1], same, 3)
