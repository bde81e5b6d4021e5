import numpy as np
import pytest
from PIL import Image

from deeplearn import data
from deeplearn.data import decode
from deeplearn.errors import UserError
from tests.data.test_split import same


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


@pytest.fixture
def pets(tmp_path):
    """20 cats of level 0 .. 19 and 10 dogs of level 100 .. 109, grey, 6 high and 8 wide."""
    for name, first, count in (("cat", 0, 20), ("dog", 100, 10)):
        for number in range(count):
            save(tmp_path / name / f"{number}.png", np.full((6, 8), first + number))
    (tmp_path / "cat" / "notes.txt").write_text("not an image")
    return tmp_path


def levels(split):
    return np.rint(split.arrays()["image"][:, 0, 0, 0] * 255).astype(int).tolist()


def test_one_folder_per_class(pets):
    dataset = data.load(f"folder:{pets}")
    splits = dataset.train, dataset.validation, dataset.test
    assert [len(split) for split in splits] == [24, 3, 3]
    assert (dataset.classes, dataset.levels) == (("cat", "dog"), 256)
    assert dataset.train.spec["image"].shape == (6, 8, 1)
    assert sorted(np.concatenate([levels(split) for split in splits])) == [*range(20), *range(100, 110)]
    for split in splits:
        assert split.arrays()["label"].tolist() == [level >= 100 for level in levels(split)]
        assert set(split.arrays()["label"]) == {0, 1}


def test_decoded_on_demand_it_is_the_same(pets, monkeypatch):
    memory = data.load(f"folder:{pets}@4")
    monkeypatch.setattr(decode, "MEMORY_BYTES", 0)
    disk = data.load(f"folder:{pets}@4")
    assert isinstance(disk.train, data.Records)
    same(memory.train.arrays(), disk.train.arrays())
    same(data.Stream(memory.train, 5, 0).batch(9), data.Stream(disk.train, 5, 0).batch(9))


def test_a_side_cuts_the_central_square(tmp_path):
    wide = np.zeros((10, 30, 3))
    wide[:, 10:20] = 255
    for number in range(3):
        save(tmp_path / "a" / f"{number}.png", wide)
    save(tmp_path / "a" / "tall.png", wide.transpose(1, 0, 2))
    image = data.load(f"folder:{tmp_path}@5").train.arrays()["image"]
    assert image.shape[1:] == (5, 5, 3)
    assert (image == 1).all()


def test_one_colour_image_makes_all_rgb(pets):
    save(pets / "dog" / "red.png", np.full((6, 8, 3), (255, 0, 0)))
    assert data.load(f"folder:{pets}").train.spec["image"].shape == (6, 8, 3)


def test_given_splits_are_kept(tmp_path):
    for split, first in (("train", 0), ("test", 100)):
        for number in range(10):
            save(tmp_path / split / "x" / f"{number}.png", np.full((2, 2), first + number))
    dataset = data.load(f"folder:{tmp_path}")
    assert sorted(levels(dataset.test)) == list(range(100, 110))
    assert sorted(levels(dataset.train) + levels(dataset.validation)) == list(range(10))
    assert len(dataset.validation) == 1
    save(tmp_path / "validation" / "x" / "v.png", np.full((2, 2), 50))
    assert levels(data.load(f"folder:{tmp_path}").validation) == [50]
    save(tmp_path / "test" / "y" / "0.png", np.zeros((2, 2)))
    dataset = data.load(f"folder:{tmp_path}")
    assert dataset.classes == ("x", "y") and dataset.test.arrays()["label"].tolist() == [0] * 10 + [1]
    assert "classes without an example in train: y" in dataset.notes


def test_a_corrupt_image_is_named(pets, monkeypatch):
    broken = pets / "dog" / "3.png"
    whole = broken.read_bytes()
    broken.write_bytes(b"nonsense")
    with pytest.raises(
        UserError, match=r"dog/3\.png cannot be read as an image \(it is none\): replace it, or remove it"
    ):
        data.load(f"folder:{pets}")
    broken.write_bytes(whole[:45])  # the header is whole, the pixels are not
    with pytest.raises(UserError, match=r"dog/3\.png cannot be read as an image"):
        data.load(f"folder:{pets}")
    monkeypatch.setattr(decode, "MEMORY_BYTES", 0)
    dataset = data.load(f"folder:{pets}")
    with pytest.raises(UserError, match=r"dog/3\.png cannot be read as an image"):
        for split in (dataset.train, dataset.validation, dataset.test):
            split.arrays()


def test_a_photograph_is_turned_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn clockwise by 90°
    for number in range(3):
        (tmp_path / "a").mkdir(exist_ok=True)
        Image.fromarray(np.zeros((6, 8), np.uint8)).save(tmp_path / "a" / f"{number}.jpg", exif=exif)
    assert data.load(f"folder:{tmp_path}").train.spec["image"].shape == (8, 6, 1)


def test_mistakes_are_explained(tmp_path, pets):
    with pytest.raises(UserError, match=r"there is no folder .*/none: check the path"):
        data.load(f"folder:{tmp_path}/none")
    (pets / "bird").mkdir()
    with pytest.raises(UserError, match=r"there are no images in .*/bird: put them into one sub-folder per class"):
        data.load(f"folder:{pets}/bird")
    save(pets / "bird" / "0.png", np.zeros((9, 7)))
    with pytest.raises(
        UserError, match=r"bird/0\.png is 7×9 and .*cat/0\.png 8×6: add @SIDE, such as folder:.*@64"
    ):
        data.load(f"folder:{pets}")


def test_too_few_images(tmp_path):
    save(tmp_path / "a" / "0.png", np.zeros((2, 2)))
    with pytest.raises(
        UserError, match="only 1 examples to be cut into train, validation and test: at least 3 are needed"
    ):
        data.load(f"folder:{tmp_path}")
