"""Inference of a perceptron that drops, against sampling."""

import jax
import numpy as np
import pytest

from deeplearn.models.regularized_mlp import RegularizedMLP


@pytest.mark.parametrize("method", ["dropout", "dropconnect"])
def test_inference_is_the_mean_over_masks(method):
    """Exactly so for dropout of the last hidden layer; DropConnect's sums are only nearly Gaussian."""
    network = RegularizedMLP(method, 3, 2)
    x = np.random.default_rng(0).uniform(size=(1, 200)).astype(np.float32)
    params = network.init(jax.random.key(0), x, 0.5, train=False)
    many = np.repeat(x, 20_000, 0)
    sampled = network.apply(params, many, 0.5, train=True, rngs={"noise": jax.random.key(1)})
    found = network.apply(params, x, 0.5, train=False)[0]
    error = np.std(sampled, 0) / np.sqrt(len(many))
    np.testing.assert_allclose(found, np.mean(sampled, 0), atol=5 * error.max() + 3e-3)
    assert np.std(sampled, 0).min() > 0.05


def test_other_methods_drop_nothing():
    network, x = RegularizedMLP("l1", 3, 2), np.ones((4, 5), np.float32)
    params = network.init(jax.random.key(0), x, 0.5)
    np.testing.assert_array_equal(network.apply(params, x, 0.5, train=True), network.apply(params, x, 0.5))
