"""Batch normalisation against NumPy, and over devices against the whole batch."""

import jax
import numpy as np
import pytest

from deeplearn.nn.batch_norm import BatchNorm

X = np.random.default_rng(0).normal(2.0, 3.0, size=(8, 3, 2, 5)).astype(np.float32)


@pytest.fixture(name="variables")
def random_variables():
    generator = np.random.default_rng(1)
    shapes = jax.eval_shape(lambda: BatchNorm().init(jax.random.key(0), X, True))
    return jax.tree.map(lambda leaf: generator.uniform(0.5, 1.5, leaf.shape).astype(np.float32), shapes)


def trained(variables, x):
    return BatchNorm(momentum=0.8, epsilon=0.1).apply(variables, x, True, mutable=["batch_stats"])


def expected_output(variables, mean, variance):
    params = variables["params"]["BatchNorm_0"]
    return (X - mean) / np.sqrt(variance + 0.1) * params["scale"] + params["bias"]


def test_training_uses_the_batch_s_moments_and_remembers_them(variables):
    y, updated = jax.jit(trained)(variables, X)
    mean, variance = X.mean((0, 1, 2)), X.var((0, 1, 2))
    np.testing.assert_allclose(y, expected_output(variables, mean, variance), rtol=1e-4, atol=1e-5)
    old, new = variables["batch_stats"]["BatchNorm_0"], updated["batch_stats"]["BatchNorm_0"]
    np.testing.assert_allclose(new["mean"], 0.8 * old["mean"] + 0.2 * mean, rtol=1e-5)
    np.testing.assert_allclose(new["var"], 0.8 * old["var"] + 0.2 * variance, rtol=1e-5)


def test_evaluation_uses_what_was_remembered(variables):
    y = jax.jit(lambda v: BatchNorm(epsilon=0.1).apply(v, X, False))(variables)
    remembered = variables["batch_stats"]["BatchNorm_0"]
    expected = expected_output(variables, remembered["mean"], remembered["var"])
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_over_devices_the_moments_are_those_of_the_whole_batch(variables):
    whole, remembered = jax.jit(trained)(variables, X)
    parts, each = jax.pmap(trained, axis_name="data", in_axes=(None, 0))(variables, X.reshape(4, 2, 3, 2, 5))
    np.testing.assert_allclose(parts.reshape(X.shape), whole, rtol=1e-4, atol=1e-5)
    for one, four in zip(jax.tree.leaves(remembered), jax.tree.leaves(each), strict=True):
        np.testing.assert_allclose(four, np.stack([one] * 4), rtol=1e-4)


def test_scale_and_bias_can_be_left_out():
    variables = jax.eval_shape(lambda: BatchNorm(use_scale=False).init(jax.random.key(0), X, True))
    assert set(variables["params"]["BatchNorm_0"]) == {"bias"}
    variables = jax.eval_shape(lambda: BatchNorm(use_bias=False).init(jax.random.key(0), X, True))
    assert set(variables["params"]["BatchNorm_0"]) == {"scale"}
