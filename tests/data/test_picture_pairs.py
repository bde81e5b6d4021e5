"""A user's pairs of pictures: read, cut, and their mistakes in one sentence."""

import numpy as np
import pytest
from PIL import Image

from deeplearn import data
from deeplearn.data.picture_pairs import load_picture_pairs
from deeplearn.data.unpaired import Beside, targets
from deeplearn.errors import UserError


def save(file, colour, size=(6, 4)):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB", size, colour).save(file)


def folders(root, count=10, **options):
    for number in range(count):
        save(root / "A" / f"{number}.png", number)
        save(root / "B" / f"{number}.bmp", (100 + number, 0, 0), **options)
    return root


def levels(split, name):
    """The level of each picture's first channel."""
    return np.rint(255 * split.arrays()[name][:, 0, 0, 0]).astype(int)


def test_pictures_of_equal_names_are_pairs(tmp_path):
    dataset = data.load(f"pairs:{folders(tmp_path)}")
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [8, 1, 1]
    assert dataset.train.spec["source"].shape == (4, 6, 1) and dataset.train.spec["target"].shape == (4, 6, 3)
    np.testing.assert_array_equal(levels(dataset.train, "target"), levels(dataset.train, "source") + 100)
    assert data.load(f"pairs:{tmp_path}@8").test.spec["target"].shape == (8, 8, 3)


def test_halves_of_pictures_are_pairs_in_the_splits_that_are_given(tmp_path):
    for split, count in (("train", 5), ("val", 2), ("test", 3)):
        for number in range(count):
            picture = Image.new("RGB", (8, 4), (number, 0, 0))
            picture.paste((number + 50, 0, 0), (4, 0, 8, 4))
            (tmp_path / split).mkdir(exist_ok=True)
            picture.save(tmp_path / split / f"{number}.png")
    for name, side in ((f"pairs:{tmp_path}", 4), (f"pairs:{tmp_path}@6", 6)):
        dataset = data.load(name)
        assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [5, 2, 3]
        assert dataset.test.spec["source"].shape == dataset.test.spec["target"].shape == (side, side, 3)
        np.testing.assert_array_equal(levels(dataset.test, "target"), levels(dataset.test, "source") + 50)


def test_many_are_read_when_they_are_needed(tmp_path, monkeypatch):
    name = f"pairs:{folders(tmp_path)}"
    whole = data.load(name).train.arrays()
    monkeypatch.setattr("deeplearn.data.decode.MEMORY_BYTES", 100)
    for key, column in data.load(name).train.arrays().items():
        np.testing.assert_array_equal(column, whole[key])


def test_a_file_is_texts_still(tmp_path):
    (tmp_path / "texts").write_text("a\tb\n" * 10)
    assert "source_text" in data.load(f"pairs:{tmp_path / 'texts'}").train.texts


def lone(root):
    save(root / "A" / "x.png", 1)


def unequal_names(root):
    save(folders(root) / "B" / "new.png", 1)


def unequal_sizes(root):
    folders(root, size=(8, 4))


def odd(root):
    save(root / "x.png", 1, size=(7, 4))


def twice(root):
    save(folders(root) / "A" / "1.jpg", 1)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda root: None, "there are no pairs in .*: it needs folders A and B"),
        (lone, "has no folder B: sources belong into A and their targets into B"),
        (unequal_names, "pictures in .*B have no partner of the same name in .*A: new"),
        (unequal_sizes, "A are 6×4 and those in .*B 8×4: add @SIDE"),
        (odd, "x.png is 7 pixels wide, an odd number"),
        (twice, "two pictures in .*A differ in their suffixes alone"),
    ],
)
def test_mistakes_are_one_sentence(make, sentence, tmp_path):
    make(tmp_path)
    with pytest.raises(UserError, match=sentence) as error:
        load_picture_pairs(str(tmp_path))
    assert "\n" not in str(error.value)


def test_rows_of_the_shorter_come_again_and_targets_become_images():
    rows = {n: data.Arrays({"image": np.arange(n, dtype=np.float32).reshape(n, 1, 1, 1)}) for n in (2, 5)}
    both = Beside(source=rows[2], target=rows[5])
    assert both.arrays()["source"].ravel().tolist() == [0, 1, 0, 1, 0] and len(both) == 5
    split = data.Arrays({"source": np.zeros((2, 3, 3, 1)), "target": np.ones((2, 3, 3, 3)), "label": np.arange(2)})
    only = targets(data.Dataset("pairs", split, split, split, classes=("a", "b"))).test.arrays()
    assert set(only) == {"image", "label"} and only["image"].shape == (2, 3, 3, 3)
