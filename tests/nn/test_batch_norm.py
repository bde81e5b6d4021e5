"""Batch normalisation against NumPy, and over devices against the whole batch."""

import chex
import jax
import numpy as np
import pytest

from deeplearn.nn.batch_norm import BatchNorm

X = np.random.default_rng(0).normal(2.0, 3.0, size=(8, 3, 2, 5)).astype(np.float32)


@pytest.fixture(name="variables")
def fixture_of_variables():
    return random_variables()


def random_variables():
    generator = np.random.default_rng(1)
    shapes = jax.eval_shape(lambda: BatchNorm().init(jax.random.key(0), X, True))
    return jax.tree.map(lambda leaf: generator.uniform(0.5, 1.5, leaf.shape).astype(np.float32), shapes)


def trained(variables, x):
    return BatchNorm(momentum=0.8, epsilon=0.1).apply(variables, x, True, mutable=["batch_stats"])


def expected_output(variables, mean, variance):
    params = variables["params"]["BatchNorm_0"]
    return (X - mean) / np.sqrt(variance + 0.1) * params["scale"] + params["bias"]


class Moments(chex.TestCase):
    @chex.all_variants
    def test_training_uses_the_batch_s_moments_and_remembers_them(self):
        variables = random_variables()
        y, updated = self.variant(trained)(variables, X)
        mean, variance = X.mean((0, 1, 2)), X.var((0, 1, 2))
        np.testing.assert_allclose(y, expected_output(variables, mean, variance), rtol=1e-4, atol=1e-5)
        old, new = variables["batch_stats"]["BatchNorm_0"], updated["batch_stats"]["BatchNorm_0"]
        expected = {"mean": 0.8 * old["mean"] + 0.2 * mean, "var": 0.8 * old["var"] + 0.2 * variance}
        chex.assert_trees_all_close(new, expected, rtol=1e-5)

    @chex.all_variants
    def test_evaluation_uses_what_was_remembered(self):
        variables = random_variables()
        y = self.variant(lambda v, x: BatchNorm(epsilon=0.1).apply(v, x, False))(variables, X)
        remembered = variables["batch_stats"]["BatchNorm_0"]
        expected = expected_output(variables, remembered["mean"], remembered["var"])
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_its_constants_are_a_momentum_of_nine_tenths_and_an_epsilon_of_1e_5(variables):
    """On values whose variance is that of the epsilon."""
    x = (X / 1000).astype(np.float32)
    y, updated = BatchNorm().apply(variables, x, True, mutable=["batch_stats"])
    mean, variance = x.astype(np.float64).mean((0, 1, 2)), x.astype(np.float64).var((0, 1, 2))
    params, old = variables["params"]["BatchNorm_0"], variables["batch_stats"]["BatchNorm_0"]
    np.testing.assert_allclose(
        y, (x - mean) / np.sqrt(variance + 1e-5) * params["scale"] + params["bias"], rtol=1e-3
    )
    np.testing.assert_allclose(
        updated["batch_stats"]["BatchNorm_0"]["mean"], 0.9 * old["mean"] + 0.1 * mean, rtol=1e-4
    )


def test_over_devices_the_moments_are_those_of_the_whole_batch(variables):
    whole, remembered = jax.jit(trained)(variables, X)
    parts, each = jax.pmap(trained, axis_name="data", in_axes=(None, 0))(variables, X.reshape(4, 2, 3, 2, 5))
    np.testing.assert_allclose(parts.reshape(X.shape), whole, rtol=1e-4, atol=1e-5)
    chex.assert_trees_all_close(each, jax.tree.map(lambda one: np.stack([one] * 4), remembered), rtol=1e-4)


def test_scale_and_bias_can_be_left_out():
    variables = jax.eval_shape(lambda: BatchNorm(use_scale=False).init(jax.random.key(0), X, True))
    assert set(variables["params"]["BatchNorm_0"]) == {"bias"}
    variables = jax.eval_shape(lambda: BatchNorm(use_bias=False).init(jax.random.key(0), X, True))
    assert set(variables["params"]["BatchNorm_0"]) == {"scale"}
