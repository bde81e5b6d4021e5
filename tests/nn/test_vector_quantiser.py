"""The codebook that follows, straight-through gradients, dead codes, and the Gumbel-softmax."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import cdist

from deeplearn.nn.vector_quantiser import GumbelQuantiser, VectorQuantiser

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(4, 3, 5)).astype(np.float32)
KEY = jax.random.key(0)


def codebook(codes=7, counts=None):
    vectors = RNG.normal(size=(codes, 5)).astype(np.float32)
    counts = np.full(codes, 3.0, np.float32) if counts is None else counts
    return {"codebook": {"vectors": vectors, "counts": counts, "sums": vectors * counts[:, None]}}


def call(quantiser, variables, z):
    return quantiser.apply(variables, z, rngs={"noise": KEY}, mutable=["codebook"])


def test_the_nearest_vector_is_chosen_and_left_as_it_is_where_nothing_learns():
    variables = codebook()
    vectors = variables["codebook"]["vectors"]
    quantised, codes, commitment = VectorQuantiser(7, 5).apply(variables, Z)
    nearest = cdist(Z.reshape(-1, 5), vectors).argmin(1).reshape(4, 3)
    np.testing.assert_array_equal(codes, nearest)
    np.testing.assert_allclose(quantised, vectors[nearest], atol=1e-6)
    assert commitment == pytest.approx(np.square(Z - vectors[nearest]).mean(), rel=1e-5)


def test_the_gradient_passes_straight_through_and_commitment_pulls_to_the_codes():
    variables, weights = codebook(), RNG.normal(size=Z.shape).astype(np.float32)

    def through(z):
        return (weights * VectorQuantiser(7, 5).apply(variables, z)[0]).sum()

    np.testing.assert_allclose(jax.grad(through)(Z), weights, atol=1e-6)
    quantised = VectorQuantiser(7, 5).apply(variables, Z)[0]
    pull = jax.grad(lambda z: VectorQuantiser(7, 5).apply(variables, z)[2])(Z)
    np.testing.assert_allclose(pull, 2 * (Z - quantised) / Z.size, atol=1e-6)


def test_vectors_are_moving_averages_of_those_that_chose_them():
    variables = codebook()
    old = variables["codebook"]
    (_, codes, _), after = call(VectorQuantiser(7, 5, decay=0.9, epsilon=0.0), variables, Z)
    flat, chosen = Z.reshape(-1, 5), np.asarray(codes).ravel()
    for code in range(7):
        mine = flat[chosen == code]
        count = 0.9 * old["counts"][code] + 0.1 * len(mine)
        total = 0.9 * old["sums"][code] + 0.1 * mine.sum(0)
        np.testing.assert_allclose(after["codebook"]["vectors"][code], total / count, rtol=1e-4, atol=1e-6)


def test_dead_codes_become_vectors_of_the_batch():
    counts = np.array([3, 0.01, 3, 0.0, 3, 3, 3], np.float32)
    variables = codebook(counts=counts)
    _, after = call(VectorQuantiser(7, 5, decay=1.0, epsilon=0.0), variables, Z)
    found = np.asarray(after["codebook"]["vectors"])
    apart = cdist(found, Z.reshape(-1, 5)).min(1)
    assert (apart[[1, 3]] < 1e-5).all() and (apart[[0, 2, 4, 5, 6]] > 1e-3).all()


def test_all_codes_of_a_new_codebook_come_into_use():
    quantiser = VectorQuantiser(8, 2)
    rows = RNG.normal(size=(512, 2)).astype(np.float32)
    variables = quantiser.init({"params": KEY, "noise": KEY}, rows)
    for step in range(60):
        _, variables = quantiser.apply(
            variables, rows, rngs={"noise": jax.random.fold_in(KEY, step)}, mutable=["codebook"]
        )
    quantised, codes, _ = quantiser.apply(variables, rows)
    assert len(np.unique(codes)) == 8
    # k-means does the same, and no worse.
    from sklearn.cluster import KMeans

    best = KMeans(8, n_init=5, random_state=0).fit(rows).inertia_ / len(rows)
    assert np.square(quantised - rows).sum(1).mean() < 1.5 * best


def test_the_sample_is_a_gumbel_softmax():
    """Cold, it is a one-hot vector drawn as often as the softmax says."""
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    quantiser = GumbelQuantiser(4, 4)
    variables = {"params": {"vectors": jnp.eye(4)}}
    many = np.tile(logits, (4000, 1))
    mixture, codes, kl = quantiser.apply(variables, many, 0.01, rngs={"noise": KEY})
    counts = np.bincount(np.asarray(mixture).argmax(1), minlength=4)
    assert scipy.stats.chisquare(counts, 4000 * np.array([0.5, 0.3, 0.15, 0.05])).pvalue > 0.01
    assert (codes == 0).all()
    assert kl == pytest.approx(np.log(4) - scipy.stats.entropy(np.exp(logits)), rel=1e-5)
    warm, _, _ = quantiser.apply(variables, many[:10], 5.0, rngs={"noise": KEY})
    assert np.asarray(warm).max() < 0.9
    np.testing.assert_allclose(np.asarray(warm).sum(1), 1, rtol=1e-5)
    hard, codes, _ = quantiser.apply(variables, many[:10], 0.0)
    np.testing.assert_array_equal(hard, np.eye(4)[np.asarray(codes)])


def test_codes_are_looked_up():
    variables = codebook()
    found = VectorQuantiser(7, 5).apply(variables, np.array([[3, 0]]), method="look_up")
    np.testing.assert_array_equal(found[0], variables["codebook"]["vectors"][[3, 0]])
