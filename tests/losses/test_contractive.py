"""Three ways to the Jacobian's norm, against NumPy and each other."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized
from scipy.special import expit

from deeplearn.losses import contractive
from deeplearn.losses.contractive import exact_penalty, hutchinson_penalty, sigmoid_layer_penalty


def random_layers():
    generator = np.random.default_rng(0)
    return [(generator.normal(size=(a, b)), generator.normal(size=b)) for a, b in ((4, 6), (6, 3))]


@pytest.fixture(name="layers")
def fixture_of_layers():
    return random_layers()


def numpy_codes(layers, x):
    for kernel, bias in layers:
        x = expit(x @ kernel + bias)
    return x


def encoder(layers):
    def encode(x):
        for kernel, bias in layers:
            x = jax.nn.sigmoid(x @ kernel + bias)
        return x

    return encode


X = np.random.default_rng(1).normal(size=(5, 4))


def finite_differences(layers):
    steps = 1e-5 * np.eye(4)
    slopes = [(numpy_codes(layers, X + step) - numpy_codes(layers, X - step)) / 2e-5 for step in steps]
    return (np.array(slopes) ** 2).sum((0, 2))


class Penalties(chex.TestCase):
    @chex.all_variants
    def test_one_sigmoid_layer_in_closed_form(self):
        layers = random_layers()
        kernel, _ = layers[0]
        h = numpy_codes(layers[:1], X)
        expected = [np.linalg.norm(np.diag(row * (1 - row)) @ kernel.T) ** 2 for row in h]
        np.testing.assert_allclose(self.variant(sigmoid_layer_penalty)(h, kernel), expected, rtol=1e-5)
        np.testing.assert_allclose(expected, finite_differences(layers[:1]), rtol=1e-6)

    @chex.all_variants
    @parameterized.parameters(1, 2)
    def test_the_exact_jacobian_agrees_with_finite_differences(self, depth):
        layers = random_layers()[:depth]
        found = self.variant(lambda x: exact_penalty(encoder(layers), x))(X)
        np.testing.assert_allclose(found, finite_differences(layers), rtol=1e-5)


def test_the_closed_form_and_the_exact_jacobian_have_the_same_gradient(layers):
    kernel, bias = layers[0]

    def closed(kernel, bias):
        return sigmoid_layer_penalty(encoder([(kernel, bias)])(X), kernel).mean()

    def exact(kernel, bias):
        return exact_penalty(encoder([(kernel, bias)]), X).mean()

    pair = [jax.jit(jax.grad(penalty, (0, 1)))(kernel, bias) for penalty in (closed, exact)]
    chex.assert_trees_all_close(*pair, rtol=1e-4, atol=1e-6)


def test_over_all_signs_hutchinson_s_estimate_is_exact(layers, monkeypatch):
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=3)), np.float32)  # [8, 3]

    def all_of_them(key, shape, dtype):
        assert shape == (8, 5, 3)
        return jnp.broadcast_to(signs[:, None], shape).astype(dtype)

    monkeypatch.setattr(contractive.jax.random, "rademacher", all_of_them)
    found = jax.jit(lambda x: hutchinson_penalty(encoder(layers), x, None, probes=8))(X)
    np.testing.assert_allclose(found, finite_differences(layers), rtol=1e-5)


def test_hutchinson_s_estimate_is_unbiased(layers):
    keys = jax.random.split(jax.random.key(0), 4000)
    draws = jax.jit(jax.vmap(lambda key: hutchinson_penalty(encoder(layers), X, key)))(keys)
    std, expected = np.std(draws, axis=0), finite_differences(layers)
    assert np.all(std > 0.1 * expected)  # an estimate it is
    np.testing.assert_array_less(abs(np.mean(draws, axis=0) - expected), 4 * std / np.sqrt(4000))
