"""The tree of words: a prefix code, and of all the one with the shortest expected way."""

import heapq

import numpy as np

from deeplearn.data.huffman import huffman

COUNTS = np.array([0, 0, 50, 1, 1, 30, 7, 7, 2])


def lengths(codes):
    return (codes.sign != 0).sum(1)


def test_its_expected_length_is_the_sum_of_all_merged_counts():
    """The cost of Huffman's tree, found without building one: the sum of what is put together."""
    heap, cost = [int(c) for c in COUNTS if c], 0
    heapq.heapify(heap)
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        cost += both
        heapq.heappush(heap, both)
    assert (COUNTS * lengths(huffman(COUNTS))).sum() == cost


def test_the_ways_are_a_prefix_code_over_one_tree():
    codes = huffman(COUNTS)
    found = lengths(codes)
    assert (found[COUNTS == 0] == 0).all() and (found[COUNTS > 0] > 0).all()
    assert np.isclose((0.5 ** found[COUNTS > 0]).sum(), 1)  # Kraft: a full tree
    ways = [tuple(sign[:length]) for sign, length in zip(codes.sign, found, strict=True) if length]
    assert len(set(ways)) == len(ways)
    # The same turns so far are the same node, other turns another one; every way begins at node 0.
    nodes = {}
    for path, sign, length in zip(codes.path, codes.sign, found, strict=True):
        for step in range(length):
            assert nodes.setdefault(tuple(sign[:step]), path[step]) == path[step]
    assert nodes[()] == 0 and sorted(nodes.values()) == list(range((COUNTS > 0).sum() - 1))


def test_one_word_has_no_way():
    codes = huffman(np.array([0, 5]))
    assert codes.path.shape == (2, 1) and not codes.sign.any()
