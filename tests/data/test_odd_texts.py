"""Texts as people have them, and damaged or hostile files: one sentence that names file and line."""

import os

import pytest

from deeplearn import data
from deeplearn.errors import UserError

KINDS = ("text", "csv", "pairs", "conll", "sts")
LINES = {  # ten right lines of each kind
    "text": "all of it\n" * 10,
    "csv": "text,label\n" + "".join(f"a{n},x\n" for n in range(9)),
    "pairs": "a\tb\n" * 10,
    "conll": "a O\n\n" * 5,
    "sts": "sentence1\tsentence2\tscore\n" + "a b\tc\t2.5\n" * 9,
}

# (kind, content, what is said; {file} is the file)
FILES = [
    *((kind, "", "{file} is empty: write") for kind in KINDS),
    *((kind, "\ufeff \r\n\r\n\t\n", "{file} is empty: write") for kind in KINDS),
    *(
        (kind, (LINES[kind] + "Möbel").encode("latin-1"), "line 11 of {file} is not UTF-8 (byte 0xf6)")
        for kind in KINDS
    ),
    *(
        (kind, LINES[kind].replace("\n", "\r").encode() + b"\xff", "line 11 of {file} is not UTF-8")
        for kind in KINDS
    ),
    *((kind, LINES[kind].encode("utf-16"), "line 1 of {file} is not UTF-8 (byte 0xff)") for kind in KINDS),
    *((kind, LINES[kind] + "a\0b\n", "line 11 of {file} holds a zero byte, so it is no text") for kind in KINDS),
    ("text", "abcdefghi", "{file} has only 9 characters to be cut into three parts: at least 10 are needed"),
    (
        "csv",
        "a,b\n1,2\n",
        "line 1 of {file} names no column text and no column label (a, b): begin it with text,label",
    ),
    ("csv", "text\nso\n", "line 1 of {file} names no column label (text)"),
    ("csv", "\ntext,label\na,b\n", "line 1 of {file} names no column text and no column label ()"),
    ("csv", "id,label\n1,2\n", "line 1 of {file} names no column text (id, label)"),
    ("csv", "text,label\n", "there is nothing below line 1 of {file}"),
    ("csv", LINES["csv"] + "a,b,c\n", "line 11 of {file} has 3 value(s) and line 1 names 2 columns"),
    ("csv", LINES["csv"] + "a\n", "line 11 of {file} has 1 value(s) and line 1 names 2 columns"),
    ("csv", LINES["csv"] + "\na,x\n", "line 11 of {file} is empty: remove it"),
    ("csv", LINES["csv"] + ",\n", "line 11 of {file} is empty: remove it"),
    ("csv", LINES["csv"] + '" ",x\n', "line 11 of {file} has no text: write one, or remove the line"),
    ("csv", LINES["csv"] + "a, \n", "line 11 of {file} has no label: write one, or remove the line"),
    ("csv", LINES["csv"] + "a," + "x" * 201, "line 11 of {file} has a label of 201 characters: name the column"),
    ("csv", LINES["csv"] + '"a\nb",x\nc\n', "line 13 of {file} has 1 value(s)"),
    ("csv", LINES["csv"] + '"a\nb,x\n', "line 11 of {file} is not CSV (unexpected end of data)"),
    ("csv", LINES["csv"] + '"a"b,x\n', "line 11 of {file} is not CSV ('"),
    ("csv", LINES["csv"] + "a" * 200_000 + ",x\n", "line 11 of {file} is not CSV (field larger than field limit"),
    ("csv", LINES["csv"].replace(",x", ",-1"), "labels in {file} go down to -1: number the classes from 0"),
    ("csv", "text,label,split\na,x,train\nb,x,hall\n", "line 3 of {file} names the split hall: say train"),
    ("csv", "text,label,split\na,x,train\nb,x,\n", "line 3 of {file} has no split: write one"),
    ("csv", "text,label,split\na,x,test\n", "in {file} there are examples in test, but none in train"),
    ("csv", "text,label\na,x\nb,y\n", "in {file} there are only 2 examples to be cut"),
    ("pairs", LINES["pairs"] + "a b\n", "line 11 of {file} has no tab: write a source, a tab and a target"),
    ("pairs", LINES["pairs"] + "a\tb\tc\n", "line 11 of {file} has 3 columns and line 1 has 2"),
    ("pairs", "a\tb\tc\n" + LINES["pairs"], "line 2 of {file} has 2 columns and line 1 has 3"),
    ("pairs", LINES["pairs"] + "a\t\n", "line 11 of {file} has no target: write one, or remove the line"),
    ("pairs", LINES["pairs"] + "\tb\n", "line 11 of {file} has no source: write one, or remove the line"),
    ("pairs", LINES["pairs"] + "\n" + LINES["pairs"], "line 11 of {file} is empty: remove it"),
    ("pairs", LINES["pairs"] + " \t \na\tb", "line 11 of {file} is empty: remove it"),
    ("pairs", "a\tb\nc\td\n", "in {file} there are only 2 examples to be cut"),
    ("conll", LINES["conll"] + "a\n", "line 11 of {file} is no token with a tag (a): write both, a tab between"),
    ("conll", LINES["conll"] + "\tO\n", "line 11 of {file} is no token with a tag (O)"),
    ("conll", LINES["conll"] + "a\t\n", "line 11 of {file} has the tag (none), not O, B-KIND or I-KIND"),
    ("conll", LINES["conll"] + "a X O\n", "line 11 of {file} has 3 columns and those before 2"),
    *(
        ("conll", LINES["conll"] + f"a {tag}\n", f"line 11 of {{file}} has the tag {tag}, not O, B-KIND or I-KIND")
        for tag in ("S-PER", "B", "B-", "b-PER", "o", "0", "E-LOC", "B_PER")
    ),
    ("conll", LINES["conll"] + "a I-PER\n", "line 11 of {file} has the tag I-PER after nothing: begin with B-PER"),
    ("conll", LINES["conll"] + "a O\nb I-PER\n", "line 12 of {file} has the tag I-PER after O: begin with B-PER"),
    ("conll", LINES["conll"] + "a B-LOC\nb I-PER\n", "line 12 of {file} has the tag I-PER after B-LOC"),
    ("conll", LINES["conll"] + "a B-LOC\nb I-LOC\nc I-PER\n", "line 13 of {file} has the tag I-PER after I-LOC"),
    ("conll", LINES["conll"] + "a B-PER\n\nb I-PER\n", "line 13 of {file} has the tag I-PER after nothing"),
    ("conll", "-DOCSTART- -X- O\n", "{file} has no sentence: write a token and its tag on each line"),
    ("sts", "sentence1,sentence2\na,b\n", "line 1 of {file} names no column score (sentence1, sentence2): begin"),
    (
        "sts",
        "a\tb\t1\n",
        "line 1 of {file} names no column sentence1 and no column sentence2 and no column score (a",
    ),
    ("sts", LINES["sts"].partition("\n")[0], "there is nothing below line 1 of {file}"),
    ("sts", LINES["sts"] + "a\tb\n", "line 11 of {file} has 2 value(s) and line 1 names 3 columns"),
    ("sts", LINES["sts"] + "a\t \t1\n", "line 11 of {file} has no sentence2: write one, or remove the line"),
    ("sts", LINES["sts"] + "\n" + LINES["sts"], "line 11 of {file} is empty: remove it"),
    *(
        ("sts", LINES["sts"] + f"a\tb\t{score}\n", f"line 11 of {{file}} has the score {score}: write a number")
        for score in ("high", "nan", "-inf", "1e99", "1,5")
    ),
    ("sts", "sentence1,sentence2,score,split\na,b,1,train\na,b,1,hall\n", "line 3 of {file} names the split hall"),
    ("sts", "sentence1,sentence2,score\na,b,1\nc,d,2\n", "in {file} there are only 2 examples to be cut"),
    ("conll", "a O\nb O\n\nc O\n", "in {file} there are only 2 examples to be cut"),
]


def sentence(name):
    with pytest.raises(UserError) as error:
        data.load(name)
    said = str(error.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize("kind, content, said", FILES)
def test_mistakes_name_file_and_line(kind, content, said, tmp_path):
    file = tmp_path / "in.txt"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert said.format(file=file) in sentence(f"{kind}:{file}")


@pytest.mark.parametrize("kind", KINDS)
def test_right_lines_are_right(kind, tmp_path):
    (tmp_path / "in.txt").write_text(LINES[kind])
    data.load(f"{kind}:{tmp_path}/in.txt")


@pytest.mark.parametrize("kind", KINDS)
def test_paths(kind, tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    for path, said in {
        f"{tmp_path}/pipe": f"{tmp_path}/pipe is not a file: check the path after {kind}:",
        # A folder of pairs would hold pictures.
        f"{tmp_path}": f"there are no pairs in {tmp_path}" if kind == "pairs" else f"{tmp_path} is not a file",
        f"{tmp_path}/none": "there is no file",
        "": f"the path of the {'folder' if kind == 'pairs' else 'file'} is missing",
        "/dev/zero": "is not a file",
    }.items():
        assert said in sentence(f"{kind}:{path}")
    (tmp_path / "in.txt").write_text(LINES[kind])
    monkeypatch.setattr("deeplearn.data.utf8.LIMIT", 10)
    assert f"{tmp_path}/in.txt has {len(LINES[kind])} bytes, more than 10" in sentence(f"{kind}:{tmp_path}/in.txt")
