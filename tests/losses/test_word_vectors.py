"""Losses of word vectors: by loops over pairs as the papers write them, and probabilities that sum to 1."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.data.huffman import huffman
from deeplearn.losses.word_vectors import hierarchical_softmax, negative_sampling, weighed_least_squares

RNG = np.random.default_rng(1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_negative_sampling_is_its_sum_over_pairs():
    hidden, found, noise = (RNG.normal(size=shape) for shape in ((3, 4), (3, 2, 4), (5, 4)))
    ids, noise_ids = np.array([[7, 0], [8, 9], [0, 0]]), np.array([7, 9, 9, 5, 6])
    total = 0.0
    for b, p in itertools.product(range(3), range(2)):
        if ids[b, p] == 0:
            continue
        total -= np.log(sigmoid(hidden[b] @ found[b, p]))
        for s in range(5):
            if noise_ids[s] != ids[b, p]:
                total -= 2 / 5 * np.log(sigmoid(-hidden[b] @ noise[s]))
    arguments = (jnp.asarray(x, jnp.float32) for x in (hidden, found))
    result = negative_sampling(*arguments, ids, jnp.asarray(noise, jnp.float32), noise_ids, 2)
    np.testing.assert_allclose(result, total, rtol=1e-5)


def test_hierarchical_softmax_is_a_distribution_over_words():
    counts = np.array([0, 9, 5, 3, 1, 1, 1])
    codes, vectors = huffman(counts), RNG.normal(size=(7, 4)).astype(np.float32)
    hidden = RNG.normal(size=(1, 1, 4)).astype(np.float32)
    nodes = vectors[codes.path[1:]]
    each = [
        hierarchical_softmax(hidden, np.ones((1, 1)), nodes[word : word + 1], codes.sign[word + 1 : word + 2])
        for word in range(6)
    ]
    np.testing.assert_allclose(np.exp(-np.array(each)).sum(), 1, rtol=1e-5)
    two = hierarchical_softmax(hidden, np.full((1, 1), 2.0), nodes[:1], codes.sign[1:2])
    np.testing.assert_allclose(two, 2 * each[0], rtol=1e-6)


def test_weighed_least_squares_by_its_formula_and_gradient():
    estimate, count = RNG.normal(size=6).astype(np.float32), np.array([0.5, 1, 5, 10, 50, 3], np.float32)
    weight = np.where(count < 10, (count / 10) ** 0.75, 1)
    expected = (weight * (estimate - np.log(count)) ** 2).sum() / 2
    np.testing.assert_allclose(weighed_least_squares(estimate, count, 10.0, 0.75), expected, rtol=1e-5)
    gradient = jax.grad(lambda e: weighed_least_squares(e, count, 10.0, 0.75))(estimate)
    np.testing.assert_allclose(gradient, weight * (estimate - np.log(count)), rtol=1e-4)
