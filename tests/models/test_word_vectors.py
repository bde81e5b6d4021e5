"""The tables of word vectors: means over what is there, and the two gradients of a mean."""

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.models.word_vectors import LogCounts, WordVectors, small

IDS = jnp.array([[4, 5, 0], [5, 5, 6], [0, 0, 0]])
TABLE = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
VARIABLES = {"params": {"inputs": {"rows": TABLE}, "outputs": {"rows": TABLE}}}
MODEL = WordVectors(7, 7, 3)


def mean(table, whole):
    variables = {"params": {**VARIABLES["params"], "inputs": {"rows": table}}}
    return MODEL.apply(variables, IDS, whole, method="mean")


def test_the_mean_is_over_the_ids_that_are_there():
    for whole in (False, True):
        found = mean(TABLE, whole)
        np.testing.assert_allclose(found[0], TABLE[4:6].mean(0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found[1], (2 * TABLE[5] + TABLE[6]) / 3, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(found[2], 0)


def test_each_gets_its_share_of_the_gradient_or_all_of_it():
    share, whole = (jax.grad(lambda t, w=w: mean(t, w)[:, 0].sum())(TABLE)[:, 0] for w in (False, True))
    np.testing.assert_allclose(share, [0, 0, 0, 0, 1 / 2, 1 / 2 + 2 / 3, 1 / 3], rtol=1e-6)
    np.testing.assert_allclose(whole, [0, 0, 0, 0, 1, 3, 1], rtol=1e-6)


def test_how_it_begins():
    start = np.asarray(small(jax.random.key(0), (1000, 4)))
    assert np.abs(start).max() <= 1 / 8 and start.std() * 4 > 0.28


def test_log_counts_are_a_product_and_two_biases():
    found = LogCounts(7, 2).apply(VARIABLES, jnp.array([4, 1]), jnp.array([2, 1]))
    np.testing.assert_allclose(found[0], TABLE[4, :2] @ TABLE[2, :2] + TABLE[4, 2] + TABLE[2, 2], rtol=1e-5)
    assert found.shape == (2,)
