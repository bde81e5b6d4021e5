"""Trees with labelled nodes: read from a file of s-expressions, and packed into arrays for compiled networks.

trees = read("train.txt")                # one a line: (3 (2 It) (4 (2 's) (3 good)))
trees[0].leaves                          # ("It", "'s", "good")
columns = packed({"train": trees}, vocabulary, classes=("0", "1", "2", "3", "4"))["train"]
split = Arrays(columns)                  # what the networks of deeplearn/nn/tree_lstm.py read, in batches
"""

from __future__ import annotations

import functools
import heapq
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from operator import lt
from pathlib import Path
from typing import NoReturn

import numpy as np

from deeplearn.data.files import located
from deeplearn.data.labels import shown
from deeplearn.data.ragged import Ragged, halvings
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError, reason

MARK = re.compile(r"[()]|[^ \t\r()]+")  # only these spaces part words: "8 1/2" with a no-break space is one
WIDTH = 2  # nodes of one tree in a level, chosen by benchmarks/trees.py


@dataclass(frozen=True)
class ParseTree:
    """A tree as its nodes, in the order in which they are written: the root is node 0, parents precede children.

    tokens: the word of each node, "" where it has none. labels: the class of each node, "" where it has none.
    parents: the number of each node's parent, -1 for the root.
    """

    tokens: tuple[str, ...]
    labels: tuple[str, ...]
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        if not len(self.tokens) == len(self.labels) == len(self.parents):
            raise ValueError("a tree has one token, one label and one parent for each node")
        before = self.parents[1:]
        if self.parents[:1] != (-1,) or min(before, default=0) < 0 or not all(map(lt, before, count(1))):
            raise ValueError("node 0 has the parent -1, every other node one that precedes it")

    def __len__(self) -> int:
        return len(self.tokens)

    @functools.cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """The numbers of each node's children, from left to right."""
        below: list[list[int]] = [[] for _ in self.parents]
        for node, parent in enumerate(self.parents[1:], 1):
            below[parent].append(node)
        return tuple(map(tuple, below))

    @functools.cached_property
    def leaves(self) -> tuple[str, ...]:
        """The words of the nodes without children: the sentence."""
        return tuple(token for token, below in zip(self.tokens, self.children, strict=True) if not below)


def parsed(text: str, where: str) -> ParseTree:
    """The tree of an s-expression as in the Stanford Sentiment Treebank: (label word) or (label child child ...).

    where: what a UserError calls the text, such as "line 3 of FILE".
    """

    def fail(what: str) -> NoReturn:
        raise UserError(f"{where} is not a labelled tree ({what}): write it as (3 (2 It) (4 (2 's) (3 good))).")

    tokens: list[str] = []
    labels: list[str] = []
    parents: list[int] = []
    inner = set()  # nodes that have children
    around: list[int] = []  # nodes that are not closed yet
    for mark in MARK.findall(text):
        if not around and (tokens or mark != "("):
            fail("something follows its last bracket" if tokens else "it does not begin with a bracket")
        node = around[-1] if around else -1
        if mark == ")":
            if not tokens[node] and node not in inner:
                fail("a node has neither a word nor children")
            around.pop()
            continue
        if around and tokens[node]:
            fail(f"the word {shown([tokens[node]])} is not alone in its brackets")
        if mark == "(":
            if around and not labels[node]:
                fail("a node has no label")
            inner.add(node)
            around.append(len(tokens))
            tokens.append("")
            labels.append("")
            parents.append(node)
        elif not labels[node]:
            labels[node] = mark
        elif node in inner:
            fail(f"the word {shown([mark])} is not alone in its brackets")
        else:
            tokens[node] = mark
    if around or not tokens:
        fail("a bracket is not closed" if around else "it is empty")
    return ParseTree(tuple(tokens), tuple(labels), tuple(parents))


def read(path: str | Path, parse: Callable[[str, str], ParseTree] = parsed) -> list[ParseTree]:
    """The trees of a file in UTF-8, one a line. UserError naming the file and the first line that is wrong."""
    path = located(str(path), "file", "name a file with one tree a line")
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n").split(b"\n")
    except OSError as error:
        raise UserError(f"the file {path} cannot be read ({reason(error)}): make it readable.") from None
    return [_tree(line, f"line {number} of {path}", parse) for number, line in enumerate(lines, 1)]


def _tree(line: bytes, where: str, parse: Callable[[str, str], ParseTree]) -> ParseTree:
    try:
        return parse(line.decode("utf-8"), where)
    except UnicodeDecodeError:
        raise UserError(f"{where} is not UTF-8: save the file in that encoding.") from None


def levels(tree: ParseTree, width: int) -> list[list[int]]:
    """The nodes with children in levels of at most `width`, children in earlier levels than their parents.

    Among nodes whose children are done those farthest from the root come first: there are as few levels as can be
    (Hu 1961, "Parallel sequencing and assembly line problems").
    """
    depth = [0] * len(tree)
    waiting = [0] * len(tree)  # children that have children and are not done
    for node, parent in enumerate(tree.parents[1:], 1):
        depth[node] = depth[parent] + 1
        waiting[parent] += bool(tree.children[node])
    ready = [(-depth[i], i) for i, below in enumerate(tree.children) if below and not waiting[i]]
    heapq.heapify(ready)
    done = []
    while ready:
        level = [heapq.heappop(ready)[1] for _ in range(min(width, len(ready)))]
        for node in level:
            parent = tree.parents[node]
            if parent >= 0:
                waiting[parent] -= 1
                if not waiting[parent]:
                    heapq.heappush(ready, (-depth[parent], parent))
        done.append(level)
    return done


def packed(
    splits: Mapping[str, Sequence[ParseTree]], vocabulary: Vocabulary, classes: Sequence[str] = ()
) -> dict[str, dict[str, Ragged]]:
    """{split: columns} of trees; all splits are padded to the same few sizes, so one program serves all.

    tokens int32 [nodes]: ids of the words, 0 at nodes without one.
    labels int32 [nodes]: the places of the labels in `classes`, -1 at nodes without one.
    children int32 [nodes, arity]: the children's numbers, filled up with -1. Arity: the largest, at least 2.
    levels int32 [levels, WIDTH]: nodes with children, of `levels`, filled up with -1.

    Beside them are `length`, the number of nodes, and `level_count`. Padding is 0 in tokens and -1 elsewhere.
    """
    everything = [tree for trees in splits.values() for tree in trees]
    arity = max(2, *(len(below) for tree in everything for below in tree.children))
    by_split = {name: [levels(tree, WIDTH) for tree in trees] for name, trees in splits.items()}
    number = {"": -1} | {label: place for place, label in enumerate(classes)}

    def ids(tree: ParseTree) -> np.ndarray:
        return np.where([bool(token) for token in tree.tokens], vocabulary.encode(tree.tokens), vocabulary.pad)

    nodes = {"buckets": halvings(max(map(len, everything)))}
    climbed = {"buckets": halvings(max(len(one) for found in by_split.values() for one in found))}
    return {
        name: {
            "tokens": Ragged.of([ids(tree) for tree in trees], **nodes),
            "labels": Ragged.of([[number[label] for label in tree.labels] for tree in trees], pad=-1, **nodes),
            "children": Ragged.of([_filled(tree.children, arity) for tree in trees], pad=-1, **nodes),
            "levels": Ragged.of(
                [_filled(one, WIDTH) for one in by_split[name]], pad=-1, length="level_count", **climbed
            ),
        }
        for name, trees in splits.items()
    }


def _filled(rows: Sequence[Sequence[int]], width: int) -> np.ndarray:
    """Rows of unequal length as one array [rows, width], filled up with -1."""
    beyond = (-1,) * width
    return np.array([(*values, *beyond)[:width] for values in rows], np.int32).reshape(len(rows), width)
