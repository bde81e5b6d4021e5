"""How a sentence is enclosed, and what its vector is."""

import numpy as np

from deeplearn.sentences.vectors import POOLINGS, enclosed, sentence_vectors

from .toy import dataset, trained

BATCH = {"tokens": np.array([[5, 6, 7, 8], [9, 0, 0, 0], [5, 6, 0, 0]], np.int32), "length": np.array([4, 1, 2])}


def test_a_sentence_stands_between_begin_and_end():
    tokens, lengths = enclosed(BATCH, longest=6)
    np.testing.assert_array_equal(tokens, [[2, 5, 6, 7, 8, 3], [2, 9, 3, 0, 0, 0], [2, 5, 6, 3, 0, 0]])
    np.testing.assert_array_equal(lengths, [6, 3, 4])


def test_of_a_long_sentence_the_begin_is_read():
    tokens, lengths = enclosed(BATCH, longest=2)
    np.testing.assert_array_equal(tokens, [[2, 5, 6, 3], [2, 9, 3, 0], [2, 5, 6, 3]])
    np.testing.assert_array_equal(lengths, [4, 3, 4])


def test_vectors_are_of_the_first_token_of_all_and_of_the_last():
    data = dataset()
    table = np.random.default_rng(0).normal(size=(len(data.vocabulary),) * 2).astype(np.float32)
    found = trained(data, table)(sentence_vectors, BATCH, longest=3)
    assert set(found) == set(POOLINGS)
    for row, tokens in enumerate(([2, 5, 6, 7, 3], [2, 9, 3], [2, 5, 6, 3])):
        np.testing.assert_allclose(found["first"][row], table[2], rtol=1e-5)
        np.testing.assert_allclose(found["last"][row], table[3], rtol=1e-5)
        np.testing.assert_allclose(found["mean"][row], table[tokens].mean(0), rtol=1e-5, atol=1e-6)
