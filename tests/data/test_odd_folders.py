"""Folders as people have them, and as an enemy would make them."""

import os
import socket
import stat

import numpy as np
import pytest
from PIL import Image

from tests.data.odd import Fails, Loads, check

TEN = (8, 1, 1)
MVTEC = {"train/good": 20, "test/good": 3, "test/scratch": 2, "ground_truth/scratch": 2}


def save(path, pixels=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((4, 4), 9, np.uint8) if pixels is None else pixels
    Image.fromarray(pixels).save(path, **options)


def folder(tree):
    """{folder: number of pictures}; a text is the content of a file."""

    def make(root):
        for number, (name, content) in enumerate(tree.items()):
            if isinstance(content, str):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(content)
            for row in range(0 if isinstance(content, str) else content):
                save(root / name / f"{number}_{row}.png", np.full((4, 4), row, np.uint8))

    return make


def both(*makers):
    return lambda root: [make(root) for make in makers] and None


def ten(name, pixels=None, count=10, suffix="png", **options):
    """Ten pictures of a class."""

    def make(root):
        for row in range(count):
            save(root / name / f"{row}.{suffix}", pixels, **options)

    return make


def bytes_at(name, content):
    def make(root):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)

    return make


def link(name, target):
    def make(root):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)

    return make


def names(count, label="ab", suffix=".png", head="filename,label", prefix="0_"):
    rows = [f"{prefix}{row}{suffix},{label[row % len(label)]}" for row in range(count)]
    return "\n".join([head, *rows]) + "\n"


LAYOUTS = {
    "one folder a class": ({"a": 5, "b": 5}, Loads(TEN, ("a", "b"), r"10 pictures, 2 class\(es\): a, b")),
    "Train and Test": ({"Train/a": 10, "TEST/a": 4}, Loads((9, 1, 4), ("a",), "validation is cut out of train")),
    "train, val, test": ({"train/a": 10, "val/a": 2, "test/a": 4}, Loads((10, 2, 4), ("a",))),
    "train, valid, test": ({"train/a": 10, "valid/a": 2, "test/a": 4}, Loads((10, 2, 4), ("a",))),
    "training, testing": ({"training/a": 10, "testing/a": 4}, Loads((9, 1, 4), ("a",))),
    "train and val": ({"train/a": 10, "val/a": 2}, Loads((9, 2, 1), ("a",), "test is cut out of train")),
    "train alone": ({"train/a": 5, "train/b": 5}, Loads(TEN, ("a", "b"), "everything is read from .*train")),
    "training_set twice": ({"training_set/training_set/a": 10, "test_set/test_set/a": 2}, Loads((9, 1, 2), ("a",))),
    "inside another": (
        {"archive/train/a": 10, "archive/test/a": 2},
        Loads((9, 1, 2), ("a",), "read from .*archive"),
    ),
    "classes inside another": ({"archive/a": 5, "archive/b": 5}, Loads(TEN, ("a", "b"), "read from .*archive")),
    "one class": ({"good": 10}, Loads(TEN, ("good",))),
    "one class, deep": ({"good/2024/may": 10}, Loads(TEN, ("good",))),
    "pictures below a class": ({"a/x": 3, "a/y/z": 2, "b": 5}, Loads(TEN, ("a", "b"))),
    "pictures in and below a class": ({"a": 3, "a/y": 2, "b": 5}, Loads(TEN, ("a", "b"))),
    "no class folders": ({"": 10}, Loads(TEN, (), "without class folders, so without labels")),
    "no class folders, splits": ({"train": 10, "test": 4}, Loads((9, 1, 4), ())),
    "a class called train": ({"train": 5, "bus": 5}, Loads(TEN, ("bus", "train"))),
    "MVTec": (
        MVTEC,
        Loads((18, 2, 5), ("good", "scratch"), "left aside, because pictures in them are masks: ground"),
    ),
    "MVTec says what train lacks": (MVTEC, Loads(says="classes without an example in train: scratch")),
    "a class not in val": ({"train/a": 5, "train/b": 5, "val/a": 2, "test/b": 2}, Loads((10, 2, 2), ("a", "b"))),
    "an unlabelled test": (
        {"train/a": 5, "train/b": 5, "test": 3},
        Loads(TEN, ("a", "b"), "test is left out: its 3"),
    ),
    "an empty class": ({"a": 5, "b": 5, "c/readme.txt": "x"}, Loads(TEN, ("a", "b"), "without pictures.*: c")),
    "other files": (
        {"a": 5, "b": 5, "b/1.heic": "", "b/x.TXT": ""},
        Loads(TEN, says=r"by their names: 1 \.heic, 1 \.txt"),
    ),
    "litter": (
        {"a": 5, "b": 5, "b/._0.png": "x", ".git/c": 3, "__MACOSX/b": 3, "a/Thumbs.db": "x", "a/.b/0.png": "x"},
        Loads(TEN, ("a", "b"), "^10 pictures"),
    ),
    "a tiny class": (
        {"a": 10, "b": 2},
        Loads((10, 1, 1), ("a", "b"), r"too small to be split, all in train: b \(2\)"),
    ),
    "a picture in train and test": (
        {"train/a": 9, "test/a": 2},
        Loads(says="of 2 images in test are in train, too"),
    ),
    "three pictures": ({"a": 3}, Loads((1, 1, 1), ("a",))),
    "one of each": ({"a": 1, "b": 1, "c": 1}, Loads((1, 1, 1), ("a", "b", "c"))),
    "dollar": ({"a$b$": 5, "$": 5}, Loads(TEN, ("$", "a$b$"))),
    "newline": ({"a\nb": 5, "c": 5}, Loads(TEN, ("a\nb", "c"), r"a\\nb, c")),
    "Chinese": ({"鳥": 5, "猫": 5}, Loads(TEN, ("猫", "鳥"))),
    "long": ({"x" * 250: 5, "y": 5}, Loads(TEN, ("x" * 250, "y"), "x{40}…, y")),
    "spaces": ({" a ": 5, "b.png": 5}, Loads(TEN, (" a ", "b.png"))),
    "not UTF-8": ({os.fsdecode(b"\xff"): 5, "b": 5}, Loads(TEN, ("\\xff", "b"))),
    "two pictures": ({"a": 2}, Fails("only 2 examples to be cut into train, validation and test: at least 3")),
    "one to train on": ({"train/a": 1, "test/a": 5}, Fails("only 1 examples to be cut into train, validation")),
    "nothing": ({"readme.md": ""}, Fails(r"there are no images in .*: files left out .*: 1 \.md")),
    "no folder for train": ({"val/a": 5, "test/a": 5}, Fails("holds test, val, but no train folder")),
    "test alone": ({"test/a": 10}, Fails("holds test, but no train folder")),
    "two for one split": ({"train/a": 9, "val/a": 3, "valid/a": 3}, Fails("val, valid could be the same split")),
    "Train and train": ({"train/a": 9, "Train/a": 3}, Fails("Train, train could be the same split")),
    "classes beside splits": (
        {"train/a": 9, "test/a": 3, "b": 3},
        Fails("holds splits .* and other pictures .*: b|b\\)"),
    ),
    "a picture beside splits": ({"train/a": 9, "test/a": 3, "": 1}, Fails("other pictures beside them")),
    "a picture beside classes": (
        {"a": 9, "b": 9, "": 1},
        Fails(r"pictures \(2_0\.png\) beside folders of pictures \(a, b\)"),
    ),
    "train without classes": (
        {"train": 9, "test/a": 3, "test/b": 2},
        Fails(r"has class folders \(a, b\), but train"),
    ),
    "nothing in common": ({"train/a": 9, "test/b": 3}, Fails("test and train have no class in common")),
    "case of classes": (
        {"train/a": 9, "train/b": 9, "test/A": 3, "test/b": 3},
        Fails("A in test and a in train differ in"),
    ),
    "very deep": ({"a/" + "b/" * 60: 3}, Fails("folders deep: move the pictures up")),
    # Tables.
    "a table": ({"": 10, "labels.csv": names(10)}, Loads(TEN, ("a", "b"), "labels are read from labels.csv")),
    "a table beside a folder": ({"images": 10, "x.csv": names(10, head="image,label")}, Loads(TEN, ("a", "b"))),
    "paths": ({"images": 10, "x.csv": names(10, head="path,class", prefix="images/0_")}, Loads(TEN, ("a", "b"))),
    "ids": ({"train": 10, "train.csv": names(10, head="id,breed", suffix="")}, Loads(TEN, ("a", "b"))),
    "semicolons": ({"": 10, "x.csv": names(10).replace(",", ";")}, Loads(TEN, ("a", "b"))),
    "tabs": ({"": 10, "x.tsv": names(10).replace(",", "\t")}, Loads(TEN, ("a", "b"))),
    "Windows": (
        {"a": 10, "x.csv": "\ufeff" + names(10, prefix="a\\0_").replace("\n", "\r\n")},
        Loads(TEN, ("a", "b")),
    ),
    "numbers": ({"": 10, "x.csv": names(10, ["10", "9.0"])}, Loads(TEN, ("9", "10"), "labels in x.csv are 9, 10")),
    "a column of splits": (
        {"": 3, "x.csv": "file,label,split\n0_0.png,a,train\n0_1.png,a,Train\n0_2.png,a,test\n"},
        Loads((1, 1, 1), ("a",)),
    ),
    "tables of splits": (
        {"i": 9, "train.csv": names(6), "test_labels.csv": "filename,label\n0_6.png,a\n0_7.png,b\n0_8.png,a\n"},
        Loads((5, 1, 3), ("a", "b")),
    ),
    "Kaggle": (
        {
            "train": 10,
            "test": 3,
            "train.csv": names(10),
            "test.csv": "id\n1_0\n",
            "sample_submission.csv": "id,label\n",
        },
        Loads(TEN, ("a", "b"), "3 pictures without a row in train.csv are left out"),
    ),
    "rows without a picture": (
        {"": 10, "x.csv": names(12)},
        Loads(TEN, says="2 rows of x.csv are left out.*0_10.png"),
    ),
    "rows without a label": ({"": 10, "x.csv": names(10, "ab") + "0_3.png,\n"}, Loads(TEN, says="1 rows")),
    "the same row twice": ({"": 10, "x.csv": names(10) + "0_0.png,a\n"}, Loads(TEN, ("a", "b"))),
    "a table beside classes": ({"a": 5, "b": 5, "x.csv": names(5)}, Loads(TEN, ("a", "b"), "not read.*: x.csv")),
    "other columns": (
        {"": 10, "x.csv": "size,weight\n1,2\n"},
        Loads(TEN, (), "x.csv is not read: it has no columns"),
    ),
    "an empty table": ({"": 10, "x.csv": ""}, Loads(TEN, (), "x.csv is not read")),
    "two labels": ({"": 10, "x.csv": names(10) + "0_0.png,b\n"}, Fails("gives 0_0.png two labels or splits")),
    "fractions": ({"": 10, "x.csv": names(10, ["1", "0.5"])}, Loads(TEN, ("0.5", "1"))),
    "no picture named": ({"": 10, "x.csv": names(10, prefix="z")}, Fails("no row of x.csv names a picture")),
    "outside": (
        {"": 10, "x.csv": "file,label\n../x.png,a\n/etc/passwd,b\n"},
        Fails("no row of x.csv names a picture"),
    ),
    "one name for two": (
        {"train/q.png": "", "test/q.png": "", "x.csv": "file,label\nq.png,a\n"},
        Fails("q.png, the name of 2 pictures: name them by their paths"),
    ),
    "some splits": (
        {"": 3, "x.csv": "file,label,split\n0_0.png,a,train\n0_1.png,a,\n"},
        Fails("a split and others none"),
    ),
    "a strange split": ({"": 3, "x.csv": "file,label,split\n0_0.png,a,fold1\n"}, Fails("names the split fold1")),
    "a comma too many": (
        {"": 3, "x.csv": "file,label\n0_0.png,a,b\n"},
        Fails("more values than there are columns"),
    ),
    "an open quote": ({"": 3, "x.csv": 'file,label\n"0_0.png,a\n'}, Fails("x.csv cannot be read")),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_layouts(case, tmp_path):
    tree, expected = LAYOUTS[case]
    folder(tree)(tmp_path / "in")
    check(f"folder:{tmp_path}/in", expected, tmp_path)


RAMP = np.linspace(0, 65535, 16).round().reshape(4, 4)
GREY = np.full((4, 4), 9, np.uint8)
COLOUR = np.full((4, 4, 3), 9, np.uint8)
JPEG = b"\xff\xd8\xff\xe0"
HUGE = b"P5 50000 50000 255\n"
NINE = ten("b", count=9)


def socket_at(name):
    def make(root):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        here = os.getcwd()
        os.chdir((root / name).parent)  # the path of a socket may not be long
        with socket.socket(socket.AF_UNIX) as one:
            one.bind((root / name).name)
        os.chdir(here)

    return make


def pipe_at(name):
    def make(root):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(root / name)

    return make


def many_and(make):
    """200 pictures, and one that cannot be read."""
    return both(ten("b", count=200), make)


FILES = {
    "16 bits": (
        ten("b", RAMP.astype(np.uint16)),
        Loads(TEN, ("b",), "10 of 10 pictures have more than 8 bits", (4, 4, 1)),
    ),
    "16 bits, TIFF": (ten("b", RAMP.astype(np.uint16), suffix="TIFF"), Loads(TEN, says="more than 8 bits")),
    "32 bits": (ten("b", RAMP.astype(np.int32), suffix="tif"), Loads(TEN, says="more than 8 bits")),
    "floats": (ten("b", (RAMP / 65535).astype(np.float32), suffix="tif"), Loads(TEN, says="more than 8 bits")),
    "floats to 255": (
        ten("b", (RAMP / 257).astype(np.float32), suffix="tif"),
        Fails("values from 0 to 255, and white is 1"),
    ),
    "NaN": (ten("b", np.full((4, 4), np.nan, np.float32), suffix="tif"), Fails("values from nan to nan")),
    "transparency": (
        ten("b", np.zeros((4, 4, 4), np.uint8)),
        Loads(TEN, says="10 of 10 .*transparency", shape=(4, 4, 3)),
    ),
    "grey and alpha": (ten("b", np.zeros((4, 4, 2), np.uint8)), Loads(TEN, says="transparency", shape=(4, 4, 1))),
    "one in colour": (both(NINE, ten("c", COLOUR, 1)), Loads((8, 1, 1), shape=(4, 4, 3))),
    "bilevel": (ten("b", GREY > 1), Loads(TEN, shape=(4, 4, 1))),
    "upper case": (ten("b", suffix="PNG"), Loads(TEN)),
    "animation": (
        ten("b", suffix="gif", save_all=True, append_images=[Image.fromarray(GREY + 1)]),
        Loads(TEN, says="several frames: the first is read"),
    ),
    "wrong suffix": (
        both(NINE, ten("b", suffix="bmp", count=1), lambda r: os.rename(r / "b/0.bmp", r / "b/x.jpg")),
        Loads(TEN),
    ),
    "one pixel": (ten("b", np.zeros((1, 1), np.uint8)), Loads(TEN, shape=(1, 1, 1))),
    "two sizes": (both(NINE, ten("c", np.zeros((5, 4), np.uint8), 1)), Fails("images differ in size")),
    "text": (both(NINE, bytes_at("b/x.png", b"hello")), Fails(r"x\.png cannot be read as an image \(it is none\)")),
    "no bytes": (both(NINE, bytes_at("b/x.png", b"")), Fails(r"x\.png cannot be read as an image")),
    "two of eleven": (
        both(NINE, bytes_at("b/x.png", b""), bytes_at("b/y.png", b"")),
        Fails(r"^2 of 11 pictures cannot be read, the first: .*x\.png cannot"),
    ),
    "one of 201": (
        many_and(bytes_at("b/x.png", b"")),
        Loads((160, 20, 20), says="^1 of 201 pictures cannot be read and are"),
    ),
    "half a picture of 201": (
        many_and(lambda root: (root / "b/x.png").write_bytes((root / "b/1.png").read_bytes()[:45])),
        Loads((160, 20, 20), says="1 of 201 pictures cannot be read and are left out, the first: .*x.png"),
    ),
    "the start of a JPEG": (both(NINE, bytes_at("b/x.jpg", JPEG)), Fails(r"x\.jpg cannot be read as an image")),
    "50,000 by 50,000": (both(NINE, bytes_at("b/x.pgm", HUGE)), Fails(r"x\.pgm cannot .* exceeds limit")),
    "PostScript": (
        both(NINE, bytes_at("b/x.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n")),
        Fails("it is none"),
    ),
    "a pipe": (both(NINE, pipe_at("b/x.png")), Fails(r"x\.png is not a file")),
    "a pipe as table": (both(NINE, pipe_at("b/x.csv")), Fails(r"x\.csv is not a file: remove it")),
    "a socket": (both(NINE, socket_at("b/x.png")), Fails(r"x\.png is not a file")),
    "a device": (both(NINE, link("b/x.png", "/dev/zero")), Fails(r"x\.png is not a file")),
    "a broken link": (both(NINE, link("b/x.png", "none")), Fails(r"there is no image .*x\.png")),
    "a link to itself": (both(NINE, link("b/x.png", "x.png")), Fails(r"x\.png cannot be read .*symbolic links")),
    "a loop of folders": (both(ten("b"), link("b/c", "..")), Loads(TEN, ("b",))),
    "two folders in each other": (
        both(ten("b"), link("b/c", "../d"), link("d/e", "../b")),
        Loads((16, 2, 2), ("b", "d")),
    ),
    "a linked class": (both(ten("b", count=5), ten("../c", count=5), link("c", "../c")), Loads(TEN, ("b", "c"))),
    "a table in Latin-1": (
        both(ten(""), bytes_at("x.csv", "file,label\nä,b\n".encode("latin-1"))),
        Fails("x.csv cannot be read"),
    ),
    "a table with zeros": (
        both(ten(""), bytes_at("x.csv", b"file,label\n\0,b\n")),
        Fails("no row of x.csv names a picture"),
    ),
    "one name in two splits": (
        both(ten("train"), ten("test"), bytes_at("train.csv", names(10, prefix="").encode())),
        Loads(TEN, ("a", "b"), "10 pictures without a row in train.csv"),
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_files(case, tmp_path):
    make, expected = FILES[case]
    make(tmp_path / "in")
    check(f"folder:{tmp_path}/in", expected, tmp_path)


PATHS = {
    "none": ("folder:{}/none", Fails("there is no folder .*none: check the path after folder:")),
    "a file": ("folder:{}/in/b/0.png", Fails("is not a folder: check the path")),
    "nobody's home": ("folder:~nobody-here/x", Fails("'~nobody-here/x' cannot be used as a path")),
    "a zero byte": ("folder:{}/in\0", Fails("cannot be used as a path")),
    "too long": ("folder:{}/" + "x" * 5000, Fails("cannot be used as a path .*too long")),
    "empty": ("folder:", Fails("the path of the folder is missing: check the path after folder:")),
    "a side": ("folder:{}/in@2", Loads(TEN, shape=(2, 2, 1))),
    "a side after a slash": ("folder:{}/in/@2", Loads(TEN, shape=(2, 2, 1))),
    "no pixels": ("folder:{}/in@0", Fails("images of 0 pixels a side: give one from 1 to 4096")),
    "many pixels": ("folder:{}/in@999999999", Fails("images of 999999999 pixels a side")),
    "endless pixels": ("folder:{}/in@" + "9" * 5000, Fails("pixels a side")),
    "Arabic pixels": ("folder:{}/in@٣٢", Fails("there is no folder .*in@٣٢")),
    "no number": ("folder:{}/in@", Fails("there is no folder .*in@")),
    "negative": ("folder:{}/in@-3", Fails("there is no folder .*in@-3")),
    "a colon": ("folder:{}/c:d", Loads(TEN, ("b",))),
    "an at": ("folder:{}/a@b", Loads(TEN, ("b",))),
    "two meanings": (
        "folder:{}/in@7",
        Fails(r"could be the folder of that name, or .*in at 7 pixels: .*in@7/, .*in/@7"),
    ),
    "two meanings, a slash": ("folder:{}/in@7/", Loads(TEN, shape=(4, 4, 1))),
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root = tmp_path_factory.mktemp("paths")
    for name in ("in", "c:d", "a@b", "in@7"):
        ten("b")(root / name)
    return root


@pytest.mark.parametrize("case", PATHS)
def test_paths(case, pictures, monkeypatch):
    monkeypatch.chdir(pictures)
    name, expected = PATHS[case]
    check(name.format(pictures), expected, pictures)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["b", "b/0.png"])
def test_what_may_not_be_read(name, tmp_path):
    ten("b")(tmp_path / "in")
    os.chmod(tmp_path / "in" / name, 0)
    check(f"folder:{tmp_path}/in", Fails("Permission denied"), tmp_path)
    os.chmod(tmp_path / "in" / name, stat.S_IRWXU)
