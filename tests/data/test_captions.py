"""Pictures with captions: what a folder of them gives, and what is said of mistakes, with file and line."""

import json

import numpy as np
import pytest
from PIL import Image

from deeplearn import data
from deeplearn.errors import UserError

WORDS = ("a red square", "a blue square", "two dots", "a line")


def picture(file, size=(8, 8), number=0):
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(file)
    return pixels


def folder(root, count=20, table="metadata.csv", **keywords):
    """Pictures 0.png … with a table beside them, as lines and their contents."""
    names = [f"{number}.png" for number in range(count)]
    pixels = [picture(root / name, number=number, **keywords) for number, name in enumerate(names)]
    write(root / table, [(name, WORDS[number % 4]) for number, name in enumerate(names)])
    return np.stack(pixels)


def write(table, rows):
    if table.suffix == ".csv":
        table.write_text("file_name,text\n" + "".join(f'{name},"{text}"\n' for name, text in rows))
    else:
        table.write_text("".join(json.dumps({"file_name": name, "text": text}) + "\n" for name, text in rows))


@pytest.mark.parametrize("table", ["metadata.csv", "metadata.jsonl"])
def test_each_picture_stands_beside_its_own_caption(table, tmp_path):
    pixels = folder(tmp_path, table=table)
    dataset = data.load(f"captions:{tmp_path}")
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (16, 2, 2)
    assert dataset.levels == 256 and dataset.vocabulary.level == "word"
    for split in (dataset.train, dataset.validation, dataset.test):
        columns = split.arrays()
        for image, text, tokens, length in zip(
            columns["image"], columns["text"], columns["tokens"], columns["length"], strict=True
        ):
            (row,) = np.flatnonzero((pixels == np.rint(image * 255)).all((1, 2, 3)))
            assert text == WORDS[row % 4]
            assert length == len(text.split()) + 2 and tokens[0] == dataset.vocabulary.begin
            if split is dataset.train:
                assert dataset.vocabulary.text(tokens) == text


def test_folders_may_be_splits_with_a_table_each_or_one_above_them(tmp_path):
    for split, count in (("train", 5), ("valid", 2), ("test", 3)):
        folder(tmp_path / "each" / split, count, table="metadata.jsonl" if split == "test" else "metadata.csv")
    each = data.load(f"captions:{tmp_path / 'each'}")
    rows = []
    for split, count in (("train", 5), ("valid", 2), ("test", 3)):
        for number in range(count):
            picture(tmp_path / "above" / split / f"{number}.png", number=number)
            rows.append((f"{split}/{number}.png", WORDS[number % 4]))
    write(tmp_path / "above" / "metadata.csv", rows)
    above = data.load(f"captions:{tmp_path / 'above'}")
    for dataset in (each, above):
        assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (5, 2, 3)
    assert each.fingerprint() == above.fingerprint()


def test_a_side_and_how_texts_are_cut_stand_after_the_name(tmp_path):
    folder(tmp_path, 5)
    picture(tmp_path / "0.png", size=(12, 9))
    with pytest.raises(UserError, match=r"differ in size.*add @SIDE, such as captions:.*@64"):
        data.load(f"captions:{tmp_path}@character")
    dataset = data.load(f"captions:{tmp_path}@4@character")
    assert dataset.image_shape == (4, 4, 3)
    assert dataset.name == f"captions:{tmp_path}@4@character" and dataset.vocabulary.level == "character"


def test_pictures_without_a_caption_are_left_out_and_counted(tmp_path):
    folder(tmp_path, 6)
    picture(tmp_path / "more" / "x.png")
    assert "1 pictures without a caption are left out: x.png" in data.load(f"captions:{tmp_path}").notes


CSV = "file_name,text\n0.png,a\n1.png,b\n2.png,c\n"
LINE = '{"file_name": "0.png", "text": "a"}\n'
WRONG = [
    (CSV + "3.png\n", "line 5 of {csv} has 1 value(s) and line 1 names 2 columns"),
    (CSV + "9.png,d\n", "line 5 of {csv}: there is no file {root}/9.png"),
    (CSV + "../0.png,d\n", "line 5 of {csv}: there is no file {root}/../0.png"),
    (CSV + "\0.png,d\n", "line 5 of {csv} holds a zero byte"),
    (CSV + "3.png, \n", "line 5 of {csv} has no text (file_name, text): write one"),
    (CSV + ",d\n", "line 5 of {csv} has no file_name (file_name, text): write one"),
    (CSV + "./1.png,d\n", "line 5 of {csv} names 1.png, as line 3 of {csv} does: keep one"),
    (CSV + "bad.png,d\n", "line 5 of {csv}: {root}/bad.png cannot be read as an image"),
    (CSV + "cut.png,d\n", "line 5 of {csv}: {root}/cut.png cannot be read as an image"),
    (CSV.encode() + b"3.png,\xff\n", "line 5 of {csv} is not UTF-8 (byte 0xff)"),
    (CSV + '3.png,"d\n', "line 5 of {csv} is not CSV"),
    ("picture,text\n0.png,a\n", "line 1 of {csv} names no column file_name (picture, text)"),
    ("file_name,words\n0.png,a\n", "line 1 of {csv} names no column text (file_name, words)"),
    ("file_name,text\n", "there is nothing below line 1 of {csv}"),
    ("", "{csv} is empty"),
    ("file_name,text\n0.png,a\n", "in {root} there are only 1 examples to be cut"),
]
WRONG_LINES = [
    (LINE + "{\n", "line 2 of {jsonl} is no JSON object"),
    (LINE + "[" * 100_000 + "\n", "line 2 of {jsonl} is no JSON object"),
    (LINE + "\n" + LINE, "line 2 of {jsonl} is no JSON object"),
    (LINE + "[1]\n", "line 2 of {jsonl} is no JSON object"),
    (LINE + '{"file_name": "1.png"}\n', "line 2 of {jsonl} has no text"),
    (LINE + '{"file_name": "1.png", "text": 1}\n', "line 2 of {jsonl} has a text that is no text"),
    (LINE + '{"file_name": "1.png", "text": ""}\n', "line 2 of {jsonl} has no text (file_name, text): write one"),
]


@pytest.mark.parametrize(
    "table, content, said",
    [("metadata.csv", *one) for one in WRONG] + [("metadata.jsonl", *one) for one in WRONG_LINES],
)
def test_a_mistake_is_said_in_one_sentence_with_file_and_line(table, content, said, tmp_path):
    for number in range(4):
        picture(tmp_path / f"{number}.png", number=number)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "cut.png").write_bytes((tmp_path / "0.png").read_bytes()[:-60])
    (tmp_path / table).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as error:
        data.load(f"captions:{tmp_path}")
    expected = said.format(root=tmp_path, csv=tmp_path / "metadata.csv", jsonl=tmp_path / "metadata.jsonl")
    assert expected in str(error.value) and "\n" not in str(error.value)


def test_a_folder_without_a_table_or_with_two_is_said_to_be_one(tmp_path):
    picture(tmp_path / "0.png")
    with pytest.raises(UserError, match=r"there is no metadata\.csv or metadata\.jsonl in"):
        data.load(f"captions:{tmp_path}")
    for table in ("metadata.csv", "metadata.jsonl"):
        write(tmp_path / table, [("0.png", "a")])
    with pytest.raises(UserError, match=r"has both metadata\.csv and metadata\.jsonl: keep one"):
        data.load(f"captions:{tmp_path}")
    with pytest.raises(UserError, match=r"there is no folder .*: check the path after captions:"):
        data.load(f"captions:{tmp_path / 'none'}")


def test_a_picture_beside_splits_belongs_to_none(tmp_path):
    for split in ("train", "test"):
        folder(tmp_path / split, 3)
    picture(tmp_path / "0.png")
    write(tmp_path / "metadata.csv", [("0.png", "a")])
    with pytest.raises(UserError, match=r"line 2 of .* names a file in no split, and others are in splits"):
        data.load(f"captions:{tmp_path}")
