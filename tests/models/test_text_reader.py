"""A caption as a bag and as a sequence: words add up, what is beyond the length is not read."""

import jax
import numpy as np
import pytest

from deeplearn.models.text_reader import TextReader

# 2 begins and 3 ends: "a b", "b a", "a", "b", none, and "a b" with something beyond its length; then no caption.
TOKENS = np.array(
    [
        [2, 5, 6, 3, 0],
        [2, 6, 5, 3, 0],
        [2, 5, 3, 0, 0],
        [2, 6, 3, 0, 0],
        [2, 3, 0, 0, 0],
        [2, 5, 6, 3, 7],
        [2, 5, 3, 0, 0],
    ]
)
LENGTH = np.array([4, 4, 3, 3, 2, 4, 0], np.int32)


@pytest.fixture(scope="module")
def read():
    read = jax.jit(lambda key: TextReader(8, width=8, heads=2).init_with_output(key, TOKENS, LENGTH)[0])
    return jax.tree.map(np.asarray, read(jax.random.key(0)))


def test_the_vector_is_the_sum_of_the_words_and_the_sequence_knows_their_order(read):
    vector, sequence, mask = read
    np.testing.assert_allclose(vector[0], vector[1], atol=1e-6)
    assert np.abs(sequence[0, 1] - sequence[1, 2]).max() > 1e-3
    assert mask.sum(1).tolist() == LENGTH.tolist()
    np.testing.assert_allclose(vector[0] + vector[4], vector[2] + vector[3], atol=1e-5)


def test_nothing_is_read_beyond_the_length_and_no_caption_is_zero(read):
    vector, sequence, mask = read
    np.testing.assert_array_equal(vector[0], vector[5])
    np.testing.assert_allclose(sequence[0, :4], sequence[5, :4], atol=1e-6)
    assert not vector[6].any() and not mask[6].any()


def test_states_of_another_width_are_read_too():
    states = jax.ShapeDtypeStruct((2, 3, 5), np.float32)
    length = jax.ShapeDtypeStruct((2,), np.int32)
    (vector, sequence, _), _ = jax.eval_shape(
        TextReader(8, 8, heads=2).init_with_output, jax.random.key(0), states, length
    )
    assert vector.shape == (2, 8) and sequence.shape == (2, 3, 8)


def test_a_bag_of_words_may_be_wider_than_the_sequence():
    reader = TextReader(8, width=8, heads=2, features=12)
    (vector, sequence, _), _ = jax.jit(reader.init_with_output)(jax.random.key(0), TOKENS, LENGTH)
    assert vector.shape == (7, 12) and sequence.shape == (7, 5, 8)
    np.testing.assert_allclose(vector[0] + vector[4], vector[2] + vector[3], atol=1e-5)
    assert not vector[6].any()
