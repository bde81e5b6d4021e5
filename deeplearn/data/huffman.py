"""A binary tree of words in which frequent ones are near the root (Huffman 1952), for the hierarchical softmax."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np


class Codes(NamedTuple):
    """The way from the root to each word, padded to the deepest: int32 [words, depth] both.

    path: the inner nodes, 0 .. words − 2. sign: +1 where the way turns to the first child, −1 to the second, 0
    after its end.
    """

    path: np.ndarray
    sign: np.ndarray


def huffman(counts: np.ndarray) -> Codes:
    """The codes of words with these counts [words]; a word that does not occur has none.

    The expected length of a code, Σ counts · length, is the least possible.
    """
    present = np.flatnonzero(counts)
    heap = [(int(counts[word]), int(word)) for word in present]
    heapq.heapify(heap)
    parent: dict[
        int, tuple[int, int]
    ] = {}  # node or word -> (its parent, its turn); nodes are counted from words on
    node = len(counts)
    while len(heap) > 1:
        (one, first), (two, second) = heapq.heappop(heap), heapq.heappop(heap)
        parent[first], parent[second] = (node, 1), (node, -1)
        heapq.heappush(heap, (one + two, node))
        node += 1
    ways = {}
    for word in present.tolist():
        way = []
        at = word
        while at in parent:
            at, turn = parent[at]
            way.append((node - 1 - at, turn))  # the root is number 0
        ways[word] = way[::-1]
    depth = max(1, *(len(way) for way in ways.values())) if ways else 1
    path, sign = (np.zeros((len(counts), depth), np.int32) for _ in range(2))
    for word, way in ways.items():
        for step, (inner, turn) in enumerate(way):
            path[word, step], sign[word, step] = inner, turn
    return Codes(path, sign)
