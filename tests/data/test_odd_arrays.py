"""Arrays as people have them, and damaged or hostile .npz files."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from tests.data.odd import Fails, Loads, check

RNG = np.random.default_rng(0)
GREY = RNG.integers(256, size=(40, 5, 6), dtype=np.uint8)
COLOUR = RNG.integers(256, size=(40, 12, 12, 3), dtype=np.uint8)
LABEL = np.arange(40) % 4
SIZES = (32, 4, 4)
FOUR = ("0", "1", "2", "3")
KERAS = {"x_train": GREY, "y_train": LABEL, "x_test": GREY[:8], "y_test": LABEL[:8]}
ONE_HOT = np.eye(4)[LABEL]


def labels(label, **expected):
    """A case of these labels."""
    return {"image": GREY, "label": label}, Loads(SIZES, **expected)


ARRAYS = {
    # Axes.
    "grey": ({"image": GREY}, Loads(SIZES, (), "40 images without labels", (5, 6, 1))),
    "colour": ({"image": COLOUR}, Loads(SIZES, shape=(12, 12, 3))),
    "four channels": ({"image": COLOUR[..., [0, 0, 0, 0]]}, Loads(SIZES, shape=(12, 12, 4))),
    "channels first": (
        {"image": COLOUR.transpose(0, 3, 1, 2)},
        Loads(SIZES, says="channel.*moved", shape=(12, 12, 3)),
    ),
    "one channel first": ({"image": GREY[:, None]}, Loads(SIZES, says="1 channel.*moved", shape=(5, 6, 1))),
    "eight channels": ({"image": np.repeat(COLOUR[:, :6, :, :1], 8, 3)}, Loads(says="6×12 pixels with 8 channels")),
    "eight channels first": ({"image": np.repeat(GREY[:, None], 8, 1)}, Loads(says="8×5 pixels with 6 channels")),
    "many channels, unclear": ({"image": np.zeros((9, 12, 32, 32), np.uint8)}, Fails("in another order of axes")),
    "MATLAB's order": (
        {"image": COLOUR.transpose(1, 2, 3, 0)},
        Fails(r"\(12, 12, 3, 40\), which could be in another"),
    ),
    "one image in colour": ({"image": COLOUR[0]}, Fails(r"\(12, 12, 3\), which could be one image in colour")),
    "one image": ({"image": GREY[0]}, Fails(r"shape \(5, 6\): it must be \[N, H, W\]")),
    "flat": ({"image": GREY.reshape(40, 30)}, Fails(r"shape \(40, 30\): it must be")),
    "flat, one channel": ({"image": GREY.reshape(40, 30, 1)}, Fails("could be one image")),
    "a number": ({"image": np.array(3)}, Fails(r"shape \(\): it must be")),
    "five axes": ({"image": np.zeros((9, 2, 2, 2, 2), np.uint8)}, Fails("it must be")),
    "no images": ({"image": GREY[:0]}, Fails(r"shape \(0, 5, 6\)")),
    "no pixels": ({"image": np.zeros((9, 0, 4), np.uint8)}, Fails(r"shape \(9, 0, 4\)")),
    "two images": ({"image": GREY[:2]}, Fails("only 2 examples to be cut")),
    "three images": ({"image": GREY[:3]}, Loads((1, 1, 1))),
    "Fortran": ({"image": np.asfortranarray(COLOUR)}, Loads(SIZES, shape=(12, 12, 3))),
    # Numbers.
    "floats": ({"image": GREY / 255}, Loads(SIZES, levels=None)),
    "float16": ({"image": (GREY / 255).astype(np.float16)}, Loads(SIZES, levels=None)),
    "big-endian": ({"image": (GREY / 255).astype(">f4")}, Loads(SIZES, levels=None)),
    "long double": ({"image": (GREY / 255).astype(np.longdouble)}, Loads(SIZES, levels=None)),
    "bool": ({"image": GREY > 99}, Loads(SIZES, levels=2)),
    "int64": ({"image": GREY.astype(np.int64)}, Loads(SIZES)),
    "big-endian int32": ({"image": GREY.astype(">i4")}, Loads(SIZES)),
    "16 bits": ({"image": GREY.astype(np.uint16) * 257}, Loads(SIZES, says="has 16 bits: 65535 is white")),
    "dark bytes": ({"image": GREY // 16}, Loads(SIZES, says="if 15 is white, store levels=16, too")),
    "levels": ({"image": GREY // 16, "levels": 16}, Loads(SIZES, says="^40 images", levels=16)),
    "all black": ({"image": GREY * 0}, Loads(SIZES)),
    "floats to 255": ({"image": GREY * 1.0}, Fails("floats from 0 to 255: scale them")),
    "floats from -1": ({"image": GREY / 127.5 - 1}, Fails("floats from -1 to 1: scale them")),
    "NaN": ({"image": np.where(GREY < 9, np.nan, 0.5)}, Fails("floats from nan to nan")),
    "infinity": ({"image": np.where(GREY < 9, np.inf, 0.5)}, Fails("floats from 0.5 to inf")),
    "negative": ({"image": GREY.astype(int) - 9}, Fails("whole numbers from -9 to 246")),
    "32 bits": ({"image": GREY.astype(int) * 2**20}, Fails("whole numbers from 0 to 267386880")),
    "complex": ({"image": GREY * 1j}, Fails("is complex128: it must be numbers")),
    "dates": ({"image": GREY.astype("M8[s]")}, Fails("is datetime64.*: it must be numbers")),
    "texts": ({"image": GREY.astype(str)}, Fails("it must be numbers")),
    "records": ({"image": np.zeros((9, 4, 4), [("r", "u1")])}, Fails("it must be numbers")),
    "objects": ({"image": GREY.astype(object)}, Fails("pickled objects, which are never unpickled")),
    "too few levels": (
        {"image": GREY, "levels": 17},
        Fails("has 17 grey levels by the array levels, but a pixel is"),
    ),
    "levels of 1e12": (
        {"image": GREY, "levels": 10**12},
        Fails("levels in .* must be one whole number from 2 to 256"),
    ),
    "levels as text": ({"image": GREY, "levels": "17"}, Fails("levels in .* must be one whole number")),
    # Labels.
    "int64 labels": labels(LABEL, classes=FOUR),
    "a column of labels": labels(LABEL[:, None], classes=FOUR),
    "ids": labels(
        LABEL * 7 + 30017, classes=("30017", "30024", "30031", "30038"), says="labels in .* are 30017, .*numb"
    ),
    "0, 1, 5000": labels(np.array([0, 1, 5000])[LABEL % 3], classes=("0", "1", "5000")),
    "2³² + 1": labels(LABEL.astype(np.uint64) + 2**32 + 1, classes=tuple(str(2**32 + 1 + k) for k in range(4))),
    "2⁶³": labels(LABEL.astype(np.uint64) + 2**63, classes=tuple(str(2**63 + k) for k in range(4))),
    "whole floats": labels(LABEL * 1.0, classes=FOUR),
    "bool labels": labels(LABEL > 1, classes=("0", "1")),
    "texts as labels": labels(np.array(["dog", "cat", "鳥", "$"])[LABEL], classes=("$", "cat", "dog", "鳥")),
    "bytes as labels": labels(np.array([b"dog", b"\xff", b"c", b"d"])[LABEL], classes=("c", "d", "dog", "\\xff")),
    "numbers as texts": labels(np.array(["10", "9", "1", "2"])[LABEL], classes=("1", "2", "9", "10")),
    "codes": labels(np.array(["007", "7", "1", "2"])[LABEL], classes=("007", "1", "2", "7")),
    "one-hot": labels(ONE_HOT, classes=FOUR, says="labels in .* are one-hot rows"),
    "one-hot, an empty class": labels(np.eye(6)[LABEL + 1], classes=("1", "2", "3", "4")),
    "one class": labels(LABEL * 0, classes=("0",)),
    "a rare class": labels(np.where(np.arange(40) < 2, 1, 0), classes=("0", "1"), says=r"all in train: 1 \(2\)"),
    "all different": labels(np.arange(40) * 10**9, classes=tuple(str(k * 10**9) for k in range(40))),
    "many labels at once": ({"image": GREY, "label": ONE_HOT[:, ::-1] + ONE_HOT}, Fails("are not one-hot rows")),
    "probabilities": ({"image": GREY, "label": np.full((40, 4), 0.25)}, Fails("are not one-hot rows")),
    "fractions": ({"image": GREY, "label": LABEL / 2}, Fails("are not all whole numbers")),
    "NaN as label": ({"image": GREY, "label": np.where(LABEL, 1, np.nan)}, Fails("are not all whole numbers")),
    "below 0": ({"image": GREY, "label": LABEL - 1}, Fails("go down to -1: number the classes from 0")),
    "an empty text": (
        {"image": GREY, "label": np.array(["", "a"])[LABEL % 2]},
        Fails("are empty for some examples"),
    ),
    "complex labels": ({"image": GREY, "label": LABEL * 1j}, Fails("they must be whole numbers or texts")),
    "three axes of labels": (
        {"image": GREY, "label": ONE_HOT[..., None]},
        Fails("they must be whole numbers or texts"),
    ),
    "too few labels": ({"image": GREY, "label": LABEL[:9]}, Fails("image has 40 and label has 9 examples")),
    "one label": ({"image": GREY, "label": np.array(3)}, Fails("label has 0 examples")),
    "objects as labels": ({"image": GREY, "label": LABEL.astype(object)}, Fails("pickled objects")),
    # Splits and names.
    "Keras": (KERAS, Loads((36, 4, 8), FOUR, "validation is cut out of train")),
    "Keras, columns": (KERAS | {"y_train": LABEL[:, None].astype(np.uint8)}, Loads((36, 4, 8), FOUR)),
    "Keras, validation": (KERAS | {"x_val": GREY[:5], "y_val": LABEL[:5]}, Loads((40, 5, 8), FOUR)),
    "Keras, no labels": ({"x_train": GREY, "x_test": GREY[:8]}, Loads((36, 4, 8), ())),
    "Keras, 16 bits": (
        {"x_train": GREY.astype(int) * 257, "x_test": GREY[:8].astype(int)},
        Loads((36, 4, 8), says="16 bits"),
    ),
    "MedMNIST": (
        {
            f"{s}_{k}": v
            for s in ("train", "val", "test")
            for k, v in (("images", GREY), ("labels", LABEL[:, None]))
        },
        Loads((40, 40, 40), FOUR),
    ),
    "a class of test": (KERAS | {"y_test": LABEL[:8] + 1}, Loads(says="classes without an example in train: 4")),
    "train alone": ({"x_train": GREY, "y_train": LABEL}, Loads(SIZES, FOUR)),
    "X and y": ({"X": GREY, "y": LABEL}, Loads(SIZES, FOUR)),
    "others": ({"image": GREY, "weights": LABEL}, Loads(SIZES, (), "arrays that are not read: weights")),
    "other objects": ({"image": GREY, "meta": np.array([{}])}, Loads(SIZES, says="not read: meta")),
    "test alone": ({"x_test": GREY}, Fails("holds x_test: it needs image")),
    "no known name": ({"pictures_of_me": GREY}, Fails("holds pictures_of_me: it needs image")),
    "labels alone": ({"label": LABEL}, Fails("holds label: it needs image")),
    "no arrays": ({}, Fails("holds no arrays: it needs image")),
    "image and images": ({"image": GREY, "images": GREY}, Fails("images and image in .* could be the same")),
    "with and without splits": (KERAS | {"image": GREY}, Fails("images with a split and without")),
    "no y_test": (
        {k: v for k, v in KERAS.items() if k != "y_test"},
        Fails("the labels of some splits are missing"),
    ),
    "two sizes": (KERAS | {"x_test": GREY[:8, :4]}, Fails(r"shapes \(40, 5, 6\) and \(8, 4, 6\)")),
    "two dtypes": (KERAS | {"x_test": GREY[:8] / 255}, Fails("are float64 and uint8: store all in one dtype")),
    "texts and numbers": (KERAS | {"y_test": np.full(8, "a")}, Loads((36, 4, 8), (*FOUR, "a"))),
    "an empty test": (KERAS | {"x_test": GREY[:0], "y_test": LABEL[:0]}, Fails("no examples in test")),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays(case, tmp_path):
    arrays, expected = ARRAYS[case]
    np.savez(tmp_path / "in.npz", **arrays)
    check(f"npz:{tmp_path}/in.npz", expected, tmp_path)


def whole(**arrays):
    file = io.BytesIO()
    np.savez(file, **(arrays or {"image": GREY}))
    return file.getvalue()


def member(content, name="image.npy", **options):
    """A zip file with this content."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def header(text, version=1):
    """The start of a .npy file, then a few bytes."""
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text.encode() + bytes(64)


def shaped(shape, dtype="|u1"):
    return header(repr({"descr": dtype, "fortran_order": False, "shape": shape}))


def flipped(content, place, bit=1):
    return content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]


def patched(content, offset_of, at, value):
    """Two bytes changed in the local and in the central header of the first member."""
    for signature, offset in ((b"PK\x03\x04", offset_of), (b"PK\x01\x02", offset_of + 2)):
        place = content.index(signature) + offset
        content = content[:place] + struct.pack("<H", value) + content[place + 2 :]
    assert at is None
    return content


def array(value):
    file = io.BytesIO()
    np.save(file, value)
    return file.getvalue()


class Runs:
    """A pickle that would run a command."""

    def __reduce__(self):
        return os.system, ("touch /tmp/should-not-exist",)


BROKEN = r"is not a whole \.npz file \(.*\): save one with np\.savez"
FILES = {
    "empty": (b"", Fails(BROKEN)),
    "text": (b"hello", Fails(BROKEN)),
    "a .npy": (array(GREY), Fails(BROKEN)),
    "a pickle": (pickle.dumps(Runs()), Fails(BROKEN)),
    "half": (whole()[:700], Fails(BROKEN)),
    "no end": (whole()[:-100], Fails(BROKEN)),
    "a flipped pixel": (flipped(whole(), 900), Fails(BROKEN)),
    "a flipped header": (flipped(whole(), 60), Fails(BROKEN)),
    "encrypted": (patched(whole(), 6, None, 1), Fails(BROKEN)),
    "unknown compression": (patched(whole(), 8, None, 97), Fails(BROKEN)),
    "wrong compression": (patched(whole(), 8, None, 8), Fails(BROKEN)),
    "LZMA that is none": (patched(whole(), 8, None, 14), Fails(BROKEN)),
    "compressed": (member(array(GREY), compression=zipfile.ZIP_DEFLATED), Loads(SIZES)),
    "compressed by bzip2": (member(array(GREY), compression=zipfile.ZIP_BZIP2), Loads(SIZES)),
    "something before": (b"junk" * 9 + whole(), Fails(BROKEN)),
    "no .npy": (member(b"hello"), Fails("image in .* is no array")),
    "an image file": (member(b"hello", "image"), Fails("image in .* is no array")),
    "no zeros": (member(b""), Fails("is no array|is not a whole")),
    "pickled": (
        member(header(repr({"descr": "|O", "fortran_order": False, "shape": (9, 4, 4)}))),
        Fails("pickled objects"),
    ),
    "10¹² pixels": (member(shaped((10**4, 10**4, 10**4))), Fails(BROKEN)),
    "10³⁰ pixels": (member(shaped((10**10, 10**10, 10**10))), Fails(BROKEN)),
    "a negative size": (member(shaped((-1, 4, 4))), Fails("is not a whole|must be")),
    "two axes": (member(shaped((8, 8))), Fails(r"shape \(8, 8\)")),
    "a shape of texts": (member(shaped(("9", 4, 4))), Fails(BROKEN)),
    "a strange dtype": (member(shaped((9, 4, 4), "|u7")), Fails(BROKEN)),
    "an endless dtype": (member(shaped((9, 4, 4), "|V999999999999")), Fails(BROKEN)),
    "code in the header": (member(header("__import__('os').system('true')")), Fails(BROKEN)),
    "deep header": (member(header("(" * 5000, 2)), Fails(BROKEN)),
    "long header": (member(header(" " * 20000, 2)), Fails(BROKEN)),
    "a later version": (member(b"\x93NUMPY\x09\x00" + bytes(99)), Fails(BROKEN)),
    "names that leave": (member(array(GREY), "../../image.npy"), Fails("holds ../../image: it needs image")),
}


@pytest.mark.parametrize("case", FILES)
def test_files(case, tmp_path):
    content, expected = FILES[case]
    (tmp_path / "in.npz").write_bytes(content)
    check(f"npz:{tmp_path}/in.npz", expected, tmp_path)
    assert not os.path.exists("/tmp/should-not-exist")


def test_more_than_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("deeplearn.data.npz._memory", lambda: 1000)
    (tmp_path / "in.npz").write_bytes(whole())
    check(f"npz:{tmp_path}/in.npz", Fails("would fill this machine's memory"), tmp_path)


def test_paths(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "a:b@7.npz").write_bytes(whole())
    for name, expected in {
        f"{tmp_path}/pipe.npz": Fails("pipe.npz is not a file: check the path after npz:"),
        f"{tmp_path}/folder.npz": Fails("folder.npz is not a file"),
        f"{tmp_path}/none.npz": Fails("there is no file"),
        "/dev/zero": Fails("is not a file"),
        "": Fails("the path of the file is missing"),
        "~nobody-here/x.npz": Fails("cannot be used as a path"),
        f"{tmp_path}/" + "x" * 5000: Fails("too long"),
        f"{tmp_path}/a:b@7.npz": Loads(SIZES),
    }.items():
        check(f"npz:{name}", expected, tmp_path)
