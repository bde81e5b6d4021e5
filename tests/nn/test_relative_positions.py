"""Buckets of distances against transformers', and what the bias does to attention."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn.relative_positions import BiasedSelfAttention, DistanceBias, distance_buckets
from tests.weights.text_encoders import golden


def test_buckets_are_those_of_transformers():
    """From −300 to 300, with the 32 buckets and the 128 tokens of the paper."""
    found = distance_buckets(601, 32, 128)[300]
    np.testing.assert_array_equal(found, golden("t5")[2]["buckets"])
    assert len(set(found.tolist())) == 32 - 1  # the one for no distance ahead is nobody's


def test_a_bias_is_of_the_distance_and_the_head_alone():
    module = DistanceBias(heads=3, buckets=8, farthest=5)
    table = jax.random.normal(jax.random.key(0), (8, 3))
    bias = np.asarray(module.apply({"params": {"table": table}}, 12))
    assert bias.shape == (1, 3, 12, 12)
    for offset in range(-11, 12):
        diagonal = np.diagonal(bias[0], offset, 1, 2)
        np.testing.assert_array_equal(diagonal, np.broadcast_to(diagonal[:, :1], diagonal.shape))
    np.testing.assert_array_equal(bias[0, :, 0, 0], table[0])


def test_attention_is_its_formula():
    """softmax(q kᵀ + bias) v over what is real, by numpy; 2 heads of 3 features on 4."""
    rng = np.random.default_rng(0)
    x, bias = rng.normal(size=(2, 5, 4)), rng.normal(size=(1, 2, 5, 5))
    mask = np.arange(5) < np.array([5, 3])[:, None]
    kernels = {name: rng.normal(size=(4, 6)) for name in ("query", "key", "value")}
    kernels["out"] = rng.normal(size=(6, 4))
    query, key, value = ((x @ kernels[name]).reshape(2, 5, 2, 3) for name in ("query", "key", "value"))
    weights = np.exp(np.einsum("bqhf,bkhf->bhqk", query, key) + bias) * mask[:, None, None]
    weights /= weights.sum(-1, keepdims=True)
    expected = np.einsum("bhqk,bkhf->bqhf", weights, value).reshape(2, 5, 6) @ kernels["out"]
    params = {name: {"kernel": jnp.asarray(kernel, jnp.float32)} for name, kernel in kernels.items()}
    found = BiasedSelfAttention(2, 3).apply(
        {"params": params}, jnp.asarray(x, jnp.float32), jnp.asarray(bias, jnp.float32), mask
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_bias_of_other_heads_is_refused():
    module = BiasedSelfAttention(2, 3)
    with pytest.raises(AssertionError, match="bias has shape"):
        module.init(jax.random.key(0), jnp.ones((1, 5, 4)), jnp.ones((1, 3, 5, 5)), jnp.ones((1, 5), bool))
