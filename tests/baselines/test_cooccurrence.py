"""PPMI and its vectors against loops over the text and numpy's whole decomposition."""

import collections
import math

import numpy as np
import pytest

from deeplearn.baselines.cooccurrence import co_occurrences, positive_mutual_information, ppmi_vectors

SIZE, WINDOW = 12, 3
RNG = np.random.default_rng(0)
IDS = np.where(RNG.uniform(size=400) < 0.1, -1, RNG.choice(SIZE - 1, 400, p=RNG.dirichlet(np.ones(SIZE - 1))))


def counted():
    """{(word, context): count}, sentence by sentence."""
    found = collections.Counter()
    sentences = [[]]
    for one in IDS.tolist():
        if one < 0:
            sentences.append([])
        else:
            sentences[-1].append(one)
    for sentence in sentences:
        for i, word in enumerate(sentence):
            for j, context in enumerate(sentence):
                if i != j and abs(i - j) <= WINDOW:
                    found[word, context] += 1
    return found


def information(smoothing):
    """PPMI by the definition, from probabilities."""
    counts, matrix = counted(), np.zeros((SIZE, SIZE))
    total = sum(counts.values())
    words, contexts = collections.Counter(), collections.Counter()
    for (word, context), count in counts.items():
        words[word] += count
        contexts[context] += count
    powers = sum(count**smoothing for count in contexts.values())
    for (word, context), count in counts.items():
        independent = words[word] / total * contexts[context] ** smoothing / powers
        matrix[word, context] = max(0, math.log(count / total / independent))
    return matrix


def test_counts_are_those_of_a_loop_and_stop_at_the_end_of_a_sentence():
    found, wanted = co_occurrences(IDS, SIZE, WINDOW).toarray(), np.zeros((SIZE, SIZE))
    for pair, count in counted().items():
        wanted[pair] = count
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("smoothing", [1.0, 0.75])
def test_information_is_that_of_the_definition(smoothing):
    found = positive_mutual_information(co_occurrences(IDS, SIZE, WINDOW), smoothing).toarray()
    np.testing.assert_allclose(found, information(smoothing), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dimensions", [4, SIZE, 20])
def test_vectors_are_those_of_the_largest_singular_values(dimensions):
    """Vectors are unique but for a sign each, so their products are compared."""
    left, values, _ = np.linalg.svd(information(0.75))
    kept = min(dimensions, SIZE)
    wanted = (left[:, :kept] * values[:kept]) @ left[:, :kept].T
    found = ppmi_vectors(IDS, SIZE, WINDOW, dimensions)
    assert found.shape == (SIZE, dimensions)
    np.testing.assert_allclose(found @ found.T, wanted, atol=1e-8)
    np.testing.assert_allclose(np.square(found).sum(0)[:kept], values[:kept], atol=1e-8)  # the largest first
    np.testing.assert_allclose(found[SIZE - 1], 0, atol=1e-8)  # a word that does not occur


@pytest.mark.parametrize("ids", [[], [3], [-1, 2, -1], [1, -1, 2]])
def test_a_text_without_neighbours_has_no_information(ids):
    assert not ppmi_vectors(np.array(ids, np.int64), 5, WINDOW, 3).any()
