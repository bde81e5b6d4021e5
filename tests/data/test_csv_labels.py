"""Tables of labels beside pictures, given to the function alone; what folders make of them is tested there."""

import pytest

from deeplearn.data.csv_labels import with_labels
from deeplearn.data.layouts import Entry, Layout
from deeplearn.errors import UserError


def labelled(root, table, files=("a.png", "sub/b.png"), name="labels.csv"):
    (root / name).write_text(table)
    layout = Layout([Entry(root / file, "", "") for file in files], ["found"])
    return with_labels(layout, root, [root / name])


def test_a_picture_is_named_by_its_path_its_name_or_without_suffix(tmp_path):
    for rows in ("a.png,x\nsub/b.png,y", "a,x\nb.png,y", "./a.png,x\nsub\\b,y"):
        found = labelled(tmp_path, f"filename,label\n{rows}\n")
        assert [(entry.file.name, entry.name) for entry in found.entries] == [("a.png", "x"), ("b.png", "y")]
        assert found.notes == ["found", "labels are read from labels.csv"]


def test_splits_are_those_of_the_column_or_of_the_table_s_name(tmp_path):
    found = labelled(tmp_path, "image;class;set\na;x;val\nb;y;train\n")
    assert [entry.split for entry in found.entries] == ["validation", "train"]
    assert {entry.split for entry in labelled(tmp_path, "id,label\na,x\nb,y\n", name="test.csv").entries} == {
        "test"
    }


def test_what_has_no_partner_is_left_out_and_told(tmp_path):
    found = labelled(tmp_path, "file,label\na,x\nlost.png,y\n")
    assert [entry.file.name for entry in found.entries] == ["a.png"]
    assert "1 rows of labels.csv are left out, without a picture or a label: lost.png" in found.notes
    assert "1 pictures without a row in labels.csv are left out: b.png" in found.notes


def test_a_table_without_such_columns_changes_nothing(tmp_path):
    found = labelled(tmp_path, "size,weight\n1,2\n")
    assert [entry.name for entry in found.entries] == ["", ""] and "is not read" in found.notes[-1]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("file,label\na,x\na.png,y\n", "gives a.png two labels or splits"),
        ("file,label\nnone,x\n", "no row of labels.csv names a picture"),
        ("file,label\na,x,y\n", "line 2 of .* has more values than there are columns"),
        ("file,label,split\na,x,some\n", "line 2 of .* names the split some"),
        ("file,label,split\na,x,train\nb,y,\n", "gives some pictures a split and others none"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, table, sentence):
    with pytest.raises(UserError, match=sentence):
        labelled(tmp_path, table)


def test_a_name_of_two_pictures_is_none(tmp_path):
    with pytest.raises(UserError, match="the name of 2 pictures: name them by their paths"):
        labelled(tmp_path, "file,label\na,x\n", files=("one/a.png", "two/a.png"))
