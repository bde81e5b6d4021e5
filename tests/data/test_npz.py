import numpy as np
import pytest

from deeplearn import data
from deeplearn.errors import UserError

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(256, size=(100, 5, 6), dtype=np.uint8)
LABEL = np.arange(100) % 4


@pytest.fixture
def load(tmp_path):
    def save_and_load(**arrays):
        np.savez(tmp_path / "mine.npz", **arrays)
        return data.load(f"npz:{tmp_path / 'mine.npz'}")

    return save_and_load


def test_images_and_labels(load):
    dataset = load(image=IMAGE, label=LABEL)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (80, 10, 10)
    assert (dataset.classes, dataset.levels) == (("0", "1", "2", "3"), 256)
    found = {}
    for split in (dataset.train, dataset.validation, dataset.test):
        rows = split.arrays()
        assert rows["image"].shape[1:] == (5, 6, 1)
        found |= {image.tobytes(): label for image, label in zip(rows["image"], rows["label"], strict=True)}
        assert np.ptp(np.bincount(rows["label"])) <= 1
    assert found == {(image / np.float32(255)).tobytes(): label for image, label in zip(IMAGE, LABEL, strict=True)}


def test_images_alone_in_colour_as_floats(load):
    image = RNG.random((30, 4, 4, 3))
    dataset = load(image=image)
    assert (dataset.classes, dataset.levels) == ((), None)
    assert set(dataset.train.spec) == {"image"}
    assert dataset.train.spec["image"].shape == (4, 4, 3)


def test_levels_say_what_white_is(load):
    dataset = load(image=IMAGE // 16, levels=16)
    assert dataset.levels == 16
    whole = np.concatenate([getattr(dataset, split).arrays()["image"] for split in ("train", "validation", "test")])
    np.testing.assert_allclose(np.sort(whole.ravel()), np.sort((IMAGE // 16).ravel()) / 15, rtol=1e-6)


def test_keras_keeps_its_test_split(load):
    dataset = load(x_train=IMAGE, y_train=LABEL[:, None], x_test=IMAGE[:7], y_test=LABEL[:7])
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (90, 10, 7)
    np.testing.assert_array_equal(dataset.test.arrays()["image"][..., 0], IMAGE[:7] / np.float32(255))


@pytest.mark.parametrize(
    "arrays, sentence",
    [
        ({"pictures": IMAGE}, "holds pictures: it needs image .*or x_train, y_train, x_test, y_test"),
        ({"image": IMAGE, "label": LABEL[:9]}, "image has 100 and label has 9 examples"),
        ({"image": IMAGE * 1.0}, r"floats from 0 to 255: scale them to \[0, 1\]"),
        ({"image": np.full((9, 2, 2), np.nan)}, "floats from nan to nan"),
        ({"image": IMAGE.astype(int) - 1}, "whole numbers from -1 to 254: store uint8"),
        ({"image": IMAGE, "levels": 17}, "has 17 grey levels by the array levels, but a pixel is 255"),
        ({"image": IMAGE, "levels": 1}, "levels in .* must be one whole number from 2 to 256"),
        ({"image": IMAGE, "levels": np.array([256])}, "levels in .* must be one whole number from 2 to 256"),
        ({"image": IMAGE[0]}, r"has shape \(5, 6\)"),
        ({"image": IMAGE[:2]}, "only 2 examples to be cut .* at least 3 are needed"),
        ({"image": IMAGE, "label": LABEL - 1}, "labels in .* go down to -1: number the classes from 0"),
        ({"image": IMAGE, "label": LABEL / 2}, "labels in .* are not all whole numbers"),
        ({"image": IMAGE.astype(object)}, "pickled objects, which are never unpickled"),
        (
            {"x_train": IMAGE, "y_train": LABEL, "x_test": IMAGE[:, :4], "y_test": LABEL},
            r"have the shapes \(100, 5, 6\) and \(100, 4, 6\)",
        ),
        (
            {"x_train": IMAGE, "y_train": LABEL, "x_test": IMAGE / 255, "y_test": LABEL},
            "are float64 and uint8: store all in one dtype",
        ),
    ],
)
def test_mistakes_are_explained(arrays, sentence, load):
    with pytest.raises(UserError, match=sentence):
        load(**arrays)


def test_not_a_file_and_not_an_npz(tmp_path):
    with pytest.raises(UserError, match="there is no file"):
        data.load(f"npz:{tmp_path}/none.npz")
    np.savez(tmp_path / "mine.npz", image=IMAGE)
    whole = (tmp_path / "mine.npz").read_bytes()
    np.save(tmp_path / "mine.npy", IMAGE)
    flipped = whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:]
    for content in (b"hello", whole[:-100], flipped, (tmp_path / "mine.npy").read_bytes()):
        (tmp_path / "mine.npz").write_bytes(content)
        with pytest.raises(UserError, match=r"is not a whole \.npz file \(.*\): save one with np\.savez"):
            data.load(f"npz:{tmp_path}/mine.npz")
