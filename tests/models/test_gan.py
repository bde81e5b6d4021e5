"""The GAN of points: its scale, and what enters and leaves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.gan import GAN
from deeplearn.models.mlp import MLP

POINTS = jnp.array(np.random.default_rng(0).normal(size=(5, 2)), jnp.float32)


def game(gan, points):
    return gan.sample(3), gan.logits(points)


def test_samples_grow_with_the_scale_and_points_are_seen_without_it():
    small, large = (GAN(MLP((4,), 2), MLP((4,), 1), latents=6, scale=scale) for scale in (1.0, 10.0))
    variables = small.init(jax.random.key(0), POINTS, method=game)
    found = [gan.apply(variables, POINTS, method=game, rngs={"noise": jax.random.key(1)}) for gan in (small, large)]
    assert found[0][0].shape == (3, 2) and found[0][1].shape == (5,)
    np.testing.assert_allclose(found[1][0], 10 * found[0][0], rtol=1e-5)
    scaled = large.apply(variables, 10 * POINTS, method=GAN.logits)
    np.testing.assert_allclose(scaled, found[0][1], rtol=1e-5, atol=1e-6)


def test_points_have_two_numbers():
    gan = GAN(MLP((4,), 2), MLP((4,), 1), latents=6, scale=1.0)
    with pytest.raises(AssertionError, match="points"):
        gan.init(jax.random.key(0), jnp.ones((5, 3)), method=GAN.logits)
