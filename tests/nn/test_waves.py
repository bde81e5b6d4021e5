"""Sines and cosines of points beside numpy's."""

import jax.numpy as jnp
import numpy as np

from deeplearn.nn.waves import with_waves


def test_each_frequency_adds_a_sine_and_a_cosine_of_every_coordinate():
    x = np.random.default_rng(0).normal(size=(4, 2))
    expected = np.concatenate([x, np.sin(2 * x), np.cos(2 * x), np.sin(5 * x), np.cos(5 * x)], axis=1)
    np.testing.assert_allclose(with_waves(jnp.asarray(x), (2.0, 5.0)), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(with_waves(jnp.asarray(x), ()), jnp.asarray(x))
