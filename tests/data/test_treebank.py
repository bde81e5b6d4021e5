"""Trees as data sets: a user's file, ListOps, and one tree that is asked."""

import numpy as np
import pytest

from deeplearn.data import load
from deeplearn.data.builders.listops import LONGEST, expressions
from deeplearn.data.forms import FORMS
from deeplearn.data.listops import binary
from deeplearn.data.listops import parsed as expression
from deeplearn.data.treebank import asked, depth, labelled, phrases
from deeplearn.data.trees import parsed
from deeplearn.errors import UserError
from tests.experiments.pretend import pretend

LINES = ["(3 (2 It) (4 (2 's) (3 good)))", "(1 (2 bad) (1 idea))", "(2 word)"]


def written(tmp_path, lines, encoding="utf-8"):
    file = tmp_path / "trees.txt"
    file.write_bytes("\n".join(lines).encode(encoding))
    return file


def test_a_file_of_trees(tmp_path):
    dataset = load(f"trees:{written(tmp_path, LINES * 10)}")
    assert dataset.classes == ("1", "2", "3", "4") and len(dataset.train) == 24 and len(dataset.test) == 3
    rows = dataset.train.arrays()
    row = rows["text"].tolist().index("It 's good")
    assert dataset.vocabulary.decode(rows["leaves"][row]) == ["It", "'s", "good"]
    assert rows["labels"][row].tolist() == [2, 1, 3, 1, 2] and rows["label"][row] == 2
    assert rows["children"][row].tolist() == [[1, 2], [-1, -1], [3, 4], [-1, -1], [-1, -1]]
    assert rows["depth"][row] == 2 and rows["leaf_count"][row] == 3
    assert rows["ends"][row].tolist() == [1, 1, 2]  # the whole sentence ends at its last word
    assert any("in train, too" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("line", "what"),
    [("(1 (2 bad) (1 idea)", "a bracket is not closed"), ("", "it is empty"), ("(1 (2 caf\xe9))", "is not UTF-8")],
)
def test_a_wrong_line_is_one_sentence_with_file_and_line(tmp_path, line, what):
    file = written(tmp_path, [LINES[0], line, *LINES], "latin-1")
    with pytest.raises(UserError, match=what) as error:
        load(f"trees:{file}")
    assert f"line 2 of {file}" in str(error.value) and "\n" not in str(error.value)


def test_too_few_trees_are_refused_by_the_file_s_name(tmp_path):
    file = written(tmp_path, LINES[:2])
    with pytest.raises(UserError, match="only 2 examples") as error:
        load(f"trees:{file}")
    assert str(file) in str(error.value)


def test_an_expression_s_phrases_are_labelled_by_what_they_give_so_far():
    tree = labelled(binary(expression("[SM 9 [MED 1 8 3 ] 5 ]", "")))
    assert tree.leaves == tuple(["[SM", "9", "[MED", "1", "8", "3", "]", "5", "]"])
    # All of it, up to 5, up to ], up to 9; then of the inner one all, up to 3, up to 8, up to 1.
    assert [int(label) for label in tree.labels if label] == [7, 7, 2, 9, 3, 3, 4, 1]
    assert phrases(tree) == ["", "9", "", "1", "4", "3", "2", "7", "7"]


def test_listops_has_the_columns_of_trees():
    dataset = pretend("listops")
    rows = dataset.test.arrays()
    for row in range(5):
        tree = expression(rows["text"][row], "")
        again = labelled(binary(tree))
        assert rows["depth"][row] == depth(tree)
        assert dataset.classes[rows["label"][row]] == again.labels[0]
        length = rows["length"][row]
        assert [dataset.classes[one] if one >= 0 else "" for one in rows["labels"][row][:length]] == list(
            again.labels
        )
        # The answer at the last word is the whole's.
        assert rows["ends"][row][rows["leaf_count"][row] - 1] == rows["label"][row]
    with pytest.raises(UserError, match="vocabulary of its own"):
        from deeplearn.data.cut import Cut

        FORMS["listops"](dataset, Cut("word"))


def test_expressions_are_all_different_short_and_fixed():
    sizes = {"train": 60, "validation": 20, "test": 20}
    found = expressions(sizes)
    assert {split: len(texts) for split, texts in found.items()} == sizes and found == expressions(sizes)
    texts = [text for each in found.values() for text in each]
    assert len(set(texts)) == 100 and max(len(text.split()) for text in texts) <= LONGEST
    assert np.std([np.mean([len(text) for text in each]) for each in found.values()]) < 20


def test_a_user_s_tree_is_asked(tmp_path):
    columns, value = asked("[MAX 2 [SM 9 9]]", pretend("listops"))
    assert value == "8" and columns["leaf_count"].tolist() == [7] and (columns["labels"] == -1).all()
    assert asked("7", pretend("listops"))[1] == "7"
    dataset = load(f"trees:{written(tmp_path, LINES * 4)}")
    columns, value = asked("(9 (9 It) (9 unheard))", dataset)
    assert value == "" and columns["tokens"].tolist() == [[0, *dataset.vocabulary.encode(["It", "unheard"])]]
    with pytest.raises(UserError, match="3 children"):
        asked("(1 (1 a) (1 b) (1 c))", dataset)
    with pytest.raises(UserError, match="your text is not a ListOps expression"):
        asked("[MAX 2", pretend("listops"))
    assert parsed("(9 (9 It) (9 x))", "").labels == ("9", "9", "9")
