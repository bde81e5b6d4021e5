"""Labelled trees as a data set: ListOps, and `trees:FILE`, an s-expression a line as in the Stanford treebank.

A split has the columns of `trees.packed` (tokens, labels and children of nodes, levels), and beside them
    leaves int32 [time]  the words of the sentence, and `leaf_count`
    ends int32 [time]    the label of the largest phrase that ends at each word, -1 where none has a label
    depth int32 []       the longest way from the root to a leaf; of ListOps how deep operations are nested
    label int32 []       the root's
    text                 the sentence
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deeplearn.data.cut import Cut
from deeplearn.data.dataset import Dataset
from deeplearn.data.labels import shown
from deeplearn.data.listops import CLOSE, DIGITS, OPERATORS, TOKENS, binary, values
from deeplearn.data.listops import parsed as expression
from deeplearn.data.partition import absent_classes
from deeplearn.data.ragged import Ragged, halvings
from deeplearn.data.split import Arrays
from deeplearn.data.tokens import again, cut_splits, unseen
from deeplearn.data.trees import ParseTree, packed, read
from deeplearn.data.trees import parsed as sentence
from deeplearn.data.vocabulary import SPECIAL, Vocabulary
from deeplearn.errors import UserError

SPLITS = ("train", "validation", "test")
LISTOPS = Vocabulary((*SPECIAL, *TOKENS), "word")


def load_trees(path: str) -> Dataset:
    """The columns above, cut 80 / 10 / 10 by a fixed seed; classes are the labels that occur. UserError for a file
    that has other lines, naming the first one."""
    trees = read(path)
    classes = tuple(sorted({label for tree in trees for label in tree.labels}))
    number = {label: place for place, label in enumerate(classes)}
    roots = np.array([number[tree.labels[0]] for tree in trees], np.int32)
    orders, notes = cut_splits(Path(path), {"train": np.arange(len(trees))}, roots, classes)
    splits = {split: [trees[row] for row in order] for split, order in orders.items()}
    vocabulary = Vocabulary.of(word for tree in splits["train"] for word in tree.tokens if word)
    leaves = [len(tree.leaves) for tree in trees]
    notes = [f"{len(trees)} trees of {min(leaves)} to {max(leaves)} words; labels: {shown(classes)}", *notes]
    for split in ("validation", "test"):
        notes += unseen([vocabulary.encode(tree.leaves) for tree in splits[split]], split, vocabulary)
    notes += again("trees", {split: [" ".join(tree.leaves) for tree in each] for split, each in splits.items()})
    absent = absent_classes(roots[orders["train"]], classes)
    return Dataset(
        name=f"trees:{path}",
        classes=classes,
        vocabulary=vocabulary,
        about={"not in train": absent},
        notes=tuple(notes),
        **columns(splits, vocabulary, classes),
    )


def listops(dataset: Dataset, cut: Cut | None) -> Dataset:
    """The columns above of expressions in a column `text`: trees with two children a node, labelled by values."""
    if cut:
        raise UserError(f"{dataset.name} has a vocabulary of its own: leave out @{cut.level}.")
    trees, depths = {}, {}
    for split in SPLITS:
        texts = getattr(dataset, split).arrays()["text"]
        wide = [expression(text, dataset.name) for text in texts]
        trees[split] = [labelled(binary(tree)) for tree in wide]
        depths[split] = [depth(tree) for tree in wide]
    return Dataset(
        dataset.name,
        classes=DIGITS,
        vocabulary=LISTOPS,
        notes=dataset.notes,
        **columns(trees, LISTOPS, DIGITS, depths),
    )


def asked(text: str, dataset: Dataset) -> tuple[dict[str, np.ndarray], str]:
    """The columns of a tree that a user writes, for the networks of a data set of trees, and its value if it is an
    expression. UserError where it is none, or where a node has more children than any that they have seen."""
    arity = dataset.train.spec["children"].shape[-1]
    if dataset.name == "listops":
        tree = expression(text, "your text")
        value, tree = str(values(tree)[0]), binary(tree)
    else:
        tree, value = sentence(text, "your text"), ""
    if (most := max(map(len, tree.children))) > arity:
        raise UserError(f"your text has a node with {most} children, and the networks have seen at most {arity}.")
    bare = ParseTree(tree.tokens, ("",) * len(tree), tree.parents)
    assert dataset.vocabulary is not None
    found: dict[str, np.ndarray] = columns({"one": [bare]}, dataset.vocabulary, ())["one"].arrays()
    missing = arity - found["children"].shape[-1]
    found["children"] = np.pad(found["children"], ((0, 0), (0, 0), (0, missing)), constant_values=-1)
    return {key: column for key, column in found.items() if column.dtype != object}, value


def labelled(tree: ParseTree) -> ParseTree:
    """An expression with two children a node, every phrase labelled by its value; words have no label.

    The value of a phrase that is not closed is that of the operation on what stands there: of ([MAX 2) 9 it is 9.
    """
    count = len(tree)
    operator, arguments, value = [""] * count, [()] * count, [0] * count  # type: ignore[var-annotated]
    for node in reversed(range(count)):  # children before parents
        token, below = tree.tokens[node], tree.children[node]
        if not below:
            operator[node], value[node] = token, int(token) if token in DIGITS else 0
            continue
        left, right = below
        closed = () if tree.tokens[right] == CLOSE else (value[right],)
        operator[node], arguments[node] = operator[left], (*arguments[left], *closed)
        value[node] = OPERATORS[operator[node]](arguments[node])
    labels = (str(one) if below else "" for one, below in zip(value, tree.children, strict=True))
    return ParseTree(tree.tokens, tuple(labels), tree.parents)


def columns(
    splits: Mapping[str, Sequence[ParseTree]],
    vocabulary: Vocabulary,
    classes: Sequence[str],
    depths: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, Any]:
    """{split: Arrays} of trees, whose labels are among the classes; depths: in place of the trees' own."""
    place = {"": -1} | {label: number for number, label in enumerate(classes)}
    buckets = halvings(max(len(tree.leaves) for trees in splits.values() for tree in trees))
    found = {}
    for split, own in packed(splits, vocabulary, classes).items():
        trees = splits[split]
        sentences = [vocabulary.encode(tree.leaves) for tree in trees]
        ends = [[place[label] for label in phrases(tree)] for tree in trees]
        found[split] = Arrays(
            {
                **own,
                "leaves": Ragged.of(sentences, buckets=buckets, length="leaf_count"),
                "ends": Ragged.of(ends, pad=-1, buckets=buckets, length="leaf_count"),
                "depth": np.array(depths[split] if depths else [depth(tree) for tree in trees], np.int32),
                "label": np.array([place[tree.labels[0]] for tree in trees], np.int32),
                "text": np.array([vocabulary.join(tree.leaves) for tree in trees], object),
            }
        )
    return found


def depth(tree: ParseTree) -> int:
    """The number of edges from the root to the deepest leaf."""
    depths = [0] * len(tree)
    for node, parent in enumerate(tree.parents[1:], 1):
        depths[node] = depths[parent] + 1
    return max(depths)


def phrases(tree: ParseTree) -> list[str]:
    """For each leaf the label of the largest phrase with a label that ends there, "" where there is none."""
    found = []
    largest = [""] * len(tree)  # of phrases that end where the node does
    for node, parent in enumerate(tree.parents):
        last = parent >= 0 and tree.children[parent][-1] == node
        largest[node] = (largest[parent] if last else "") or tree.labels[node]
        if not tree.children[node]:
            found.append(largest[node])
    return found
