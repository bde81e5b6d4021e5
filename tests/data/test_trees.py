"""Trees: what is read, what is refused and where, the order of levels, and the packed columns."""

import itertools

import numpy as np
import pytest

from deeplearn.data import Arrays, Vocabulary, stream, trees
from deeplearn.data.trees import ParseTree, levels, packed, parsed, read
from deeplearn.data.vocabulary import SPECIAL
from deeplearn.errors import UserError

TEXT = "(3 (2 It) (4 (2 's) (3 good)))"


def random_tree(rng, size, arity=5):
    """Node i hangs below one of the latest `reach` nodes: 1 is a chain, many a wide tree."""
    reach, parents = rng.integers(1, 9), [-1]
    for node in range(1, size):
        open_ = [p for p in range(max(0, node - reach), node) if parents.count(p) < arity]
        parents.append(int(rng.choice(open_ or [node - 1])))
    words = tuple(rng.choice(["a", "b", "", "c"], size).tolist())
    return ParseTree(words, ("",) * size, tuple(parents))


def test_the_form_of_the_stanford_sentiment_treebank():
    tree = parsed(TEXT, "here")
    assert tree.tokens == ("", "It", "", "'s", "good")
    assert tree.labels == tuple("32423")
    assert tree.parents == (-1, 0, 0, 2, 2)
    assert tree.children == ((1, 2), (), (3, 4), (), ())
    assert tree.leaves == ("It", "'s", "good") and len(tree) == 5


def test_labels_are_any_names_and_children_any_number():
    tree = parsed("(S(NP x)(VP(V y))\t(. z) (. 8\xa01/2) )", "here")
    assert tree.labels == ("S", "NP", "VP", "V", ".", ".")
    assert tree.leaves == ("x", "y", "z", "8\xa01/2")
    assert tree.children[0] == (1, 2, 4, 5) and tree.children[2] == (3,)


def test_a_deep_tree_needs_no_deep_stack():
    deep = parsed("(1 (2 a) " * 5000 + "(3 b)" + ")" * 5000, "here")
    assert len(deep) == 10_001 and len(levels(deep, 4)) == 5000


def test_a_file_s_lines_are_trees(tmp_path):
    file = tmp_path / "trees.txt"
    file.write_bytes(b"\xef\xbb\xbf" + f"{TEXT}\r\n(0 é)\n\n".encode())
    assert read(file) == [parsed(TEXT, ""), ParseTree(("é",), ("0",), (-1,))]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("(3 (2 It) (4 (2 's) (3 good))", "a bracket is not closed"),
        ("(3 (2 It)) (4 good)", "something follows its last bracket"),
        ("(3 It))", "something follows its last bracket"),
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("3 It", "it does not begin with a bracket"),
        (")(", "it does not begin with a bracket"),
        ("((2 It) (3 good))", "a node has no label"),
        ("(3 (2) (3 good))", "a node has neither a word nor children"),
        ("(3 () (3 good))", "a node has neither a word nor children"),
        ("(3 It is)", "the word It is not alone"),
        ("(3 It (2 is))", "the word It is not alone"),
        ("(3 (2 is) It)", "the word It is not alone"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, what):
    file = tmp_path / "trees.txt"
    file.write_text(f"(1 a)\n{line}\n(1 a)\n")
    with pytest.raises(UserError) as error:
        read(file)
    assert f"line 2 of {file} is not a labelled tree ({what}" in str(error.value)


def test_files_that_are_none(tmp_path):
    file = tmp_path / "trees.txt"
    file.write_bytes(b"(1 a)\n(1 \xe9)\n")
    with pytest.raises(UserError, match=r"line 2 of .*trees.txt is not UTF-8"):
        read(file)
    with pytest.raises(UserError, match="there is no file"):
        read(tmp_path / "none.txt")
    file.write_bytes(b"")
    with pytest.raises(UserError, match=r"line 1 of .* \(it is empty\)"):
        read(file)


def test_a_tree_that_is_none_is_refused():
    for parents in ((), (0,), (-1, -1), (-1, 1), (-1, 2, 0)):
        with pytest.raises(ValueError, match="node 0 has the parent -1"):
            ParseTree(("",) * len(parents), ("",) * len(parents), parents)
    with pytest.raises(ValueError, match="one token, one label"):
        ParseTree(("a",), (), (-1,))


def fewest(tree, width):
    """The least number of levels, by trying all choices of every level."""
    inner = {i for i, below in enumerate(tree.children) if below}
    states = [frozenset()]
    for count in itertools.count():
        if any(len(done) == len(inner) for done in states):
            return count
        following = set()
        for done in states:
            ready = [i for i in inner - done if all(c in done or c not in inner for c in tree.children[i])]
            choices = itertools.combinations(ready, min(width, len(ready)))
            following |= {done | frozenset(choice) for choice in choices}
        states = following


@pytest.mark.parametrize("seed", range(20))
def test_levels_are_in_order_and_the_fewest(seed):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, int(rng.integers(1, 24)), arity=3)
    for width in (1, 2, 3):
        found = levels(tree, width)
        when = {node: number for number, level in enumerate(found) for node in level}
        assert sorted(when) == [i for i, below in enumerate(tree.children) if below]
        assert sum(map(len, found)) == len(when) and all(1 <= len(level) <= width for level in found)
        assert all(when.get(child, -1) < number for node, number in when.items() for child in tree.children[node])
        assert len(found) == fewest(tree, width)


def test_the_packed_columns(monkeypatch):
    monkeypatch.setattr(trees, "WIDTH", 2)
    vocabulary = Vocabulary((*SPECIAL, "It", "'s"), "word")
    wide = parsed("(0 (1 (0 It)) (0 It) (0 It))", "")
    columns = packed(
        {"train": [parsed(TEXT, ""), parsed("(4 It)", "")], "test": [wide]}, vocabulary, tuple("01234")
    )
    found = Arrays(columns["train"]).arrays()
    assert found["tokens"].tolist() == [[0, 4, 0, 5, 1], [4, 0, 0, 0, 0]]
    assert found["labels"].tolist() == [[3, 2, 4, 2, 3], [4, -1, -1, -1, -1]]
    none = [-1, -1, -1]
    assert found["children"].tolist() == [[[1, 2, -1], none, [3, 4, -1], none, none], [none] * 5]
    assert found["levels"].tolist() == [[[2, -1], [0, -1]], [[-1, -1]] * 2]
    assert found["length"].tolist() == [5, 1] and found["level_count"].tolist() == [2, 0]
    assert {value.dtype for value in found.values()} == {np.dtype(np.int32)}
    test = Arrays(columns["test"]).arrays()
    assert test["children"].tolist() == [[[1, 3, 4], [2, -1, -1], none, none, none]]
    assert test["levels"].tolist() == [[[1, -1], [0, -1]]]
    assert Arrays(columns["train"]).spec == Arrays(columns["test"]).spec


def test_streams_have_few_shapes():
    rng = np.random.default_rng(0)
    many = [random_tree(rng, size) for size in (*rng.integers(1, 20, 60), 40, 80)]
    split = Arrays(packed({"train": many}, Vocabulary((*SPECIAL, "a"), "word"))["train"])
    shapes = {
        tuple(value.shape for value in stream(split, 2, seed=0).batch(index).values()) for index in range(100)
    }
    assert 1 < len(shapes) <= 4


def test_trees_without_branches_have_two_places_for_children():
    found = Arrays(packed({"train": [parsed("(1 a)", "")]}, Vocabulary(SPECIAL, "word"), ("1",))["train"]).arrays()
    assert found["children"].shape == (1, 1, 2) and found["levels"].shape == (1, 1, trees.WIDTH)
