"""ListOps: nested operations on lists of digits (Nangia & Bowman 2018), such as [MAX 2 9 [MIN 4 7 ] 0 ], a 9.

The operators are MIN, MAX, MED (the median, rounded down) and SM (the sum modulo 10), so every value is a digit.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np

from deeplearn.data.labels import shown
from deeplearn.data.trees import ParseTree
from deeplearn.errors import UserError

OPERATORS: dict[str, Callable[[Sequence[int]], int]] = {
    "[MIN": min,
    "[MAX": max,
    "[MED": lambda values: int(statistics.median(values)),  # numpy's takes twenty times as long
    "[SM": lambda values: sum(values) % 10,
}
CLOSE = "]"
DIGITS = tuple("0123456789")
TOKENS = (*OPERATORS, CLOSE, *DIGITS)  # all words of the language
MARK = re.compile(r"\[\w*|\]|[^\s\[\]]+")

NESTED = 0.25  # the chance that an argument is an operation
MAX_DEPTH = 20  # nodes from the root to a leaf, both counted
MAX_ARGUMENTS = 5


def parsed(text: str, where: str) -> ParseTree:
    """The tree of an expression: operators are nodes with children, digits leaves, and none has a label.

    where: what a UserError calls the text, such as "line 3 of FILE".
    """

    def fail(what: str) -> NoReturn:
        raise UserError(f"{where} is not a ListOps expression ({what}): write it as [MAX 2 9 [MIN 4 7 ] 0 ].")

    tokens: list[str] = []
    parents: list[int] = []
    around: list[int] = []  # operators that are not closed yet
    for mark in MARK.findall(text):
        if tokens and not around:
            fail("something follows its end")
        if mark == CLOSE:
            if not around:
                fail("a bracket is closed that was not opened")
            if around.pop() == len(tokens) - 1:
                fail(f"{tokens[-1]} has no arguments")
            continue
        if mark not in TOKENS:
            fail(f"{shown([mark])} is neither a digit nor one of {' '.join(OPERATORS)}")
        parents.append(around[-1] if around else -1)
        if mark in OPERATORS:
            around.append(len(tokens))
        tokens.append(mark)
    if around or not tokens:
        fail("a bracket is not closed" if around else "it is empty")
    return ParseTree(tuple(tokens), ("",) * len(tokens), tuple(parents))


def values(tree: ParseTree) -> tuple[int, ...]:
    """The value of every node of an expression; the first is that of the whole."""
    found = [0] * len(tree)
    for node in reversed(range(len(tree))):  # children before parents
        token, below = tree.tokens[node], tree.children[node]
        found[node] = OPERATORS[token]([found[child] for child in below]) if below else int(token)
    return tuple(found)


def generated(seed: int | Sequence[int]) -> ParseTree:
    """A random expression, a pure function of the seed (Nangia & Bowman 2018, and their program).

    The root is an operation; each argument is one with the chance NESTED, otherwise a digit. Operators, digits and
    the number of arguments, from 2 to MAX_ARGUMENTS, are uniform; at MAX_DEPTH all are digits.
    """
    rng = np.random.default_rng(seed)
    names = tuple(OPERATORS)
    tokens: list[str] = []
    parents: list[int] = []
    pending = [(-1, 1)]  # parent and depth of nodes to come, the next one last
    while pending:
        parent, depth = pending.pop()
        node = len(tokens)
        parents.append(parent)
        if depth == 1 or (depth < MAX_DEPTH and rng.random() < NESTED):
            tokens.append(names[rng.integers(len(names))])
            pending += [(node, depth + 1)] * int(rng.integers(2, MAX_ARGUMENTS + 1))
        else:
            tokens.append(DIGITS[rng.integers(10)])
    return ParseTree(tuple(tokens), ("",) * len(tokens), tuple(parents))


def binary(tree: ParseTree) -> ParseTree:
    """The same expression with two children a node, as in the paper: ((([MAX 2) 9) ]) is [MAX 2 9 ].

    Every word is a leaf, closing brackets too, so that `leaves` is the expression as a flat list. An operation's
    label is that of the node which closes it.
    """
    tokens: list[str] = []
    labels: list[str] = []
    parents: list[int] = []

    def add(token: str, label: str, parent: int) -> int:
        tokens.append(token)
        labels.append(label)
        parents.append(parent)
        return len(tokens) - 1

    pending: list[tuple[int | None, int]] = [(0, -1)]  # a node (None: a closing bracket) and its parent here
    while pending:
        node, parent = pending.pop()
        if node is None:
            add(CLOSE, "", parent)
        elif not tree.children[node]:
            add(tree.tokens[node], tree.labels[node], parent)
        else:
            closed = spine = add("", tree.labels[node], parent)
            pending.append((None, closed))
            for child in reversed(tree.children[node]):
                spine = add("", "", spine)
                pending.append((child, spine))
            add(tree.tokens[node], "", spine)
    return ParseTree(tuple(tokens), tuple(labels), tuple(parents))
