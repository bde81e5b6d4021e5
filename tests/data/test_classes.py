"""Some classes of a data set, renumbered, at another size."""

import dataclasses

import numpy as np
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.data.classes import of_classes, only_classes, resized, with_classes
from deeplearn.errors import UserError

LABELS = np.array([3, 0, 1, 3, 2, 0], np.int32)
# Each image is of its own brightness everywhere, which no resizing changes.
LIGHT = np.linspace(0, 1, 6, dtype=np.float32)
SPLIT = Arrays({"image": np.broadcast_to(LIGHT[:, None, None, None], (6, 4, 4, 1)).copy(), "label": LABELS})
DATASET = Dataset("shades", SPLIT, SPLIT, SPLIT, classes=("a", "b", "c", "d"), levels=256)


def test_resized_by_hand():
    rng = np.random.default_rng(0)
    image = rng.random((2, 4, 6, 1)).astype(np.float32)
    # Halves: away from the edge each pixel is the mean, by a triangle two pixels wide, of the four nearest a side.
    small = resized(image, 2, 3, 1)
    weights = np.array([1, 3, 3, 1]) / 8
    expected = np.einsum("nhw,w,h->n", image[:, :, 1:5, 0], weights, np.array([3, 3, 1, 0]) / 7)
    np.testing.assert_allclose(small[:, 0, 1, 0], expected, rtol=1e-5)
    assert resized(image, 4, 6, 1).tolist() == image.tolist()
    np.testing.assert_array_equal(resized(image, 4, 6, 3), np.repeat(image, 3, -1))
    grey = resized(np.ones((2, 4, 4, 3), np.float32) * [0.0, 0.3, 0.6], 2, 2, 1)
    np.testing.assert_allclose(grey, np.full((2, 2, 2, 1), 0.3), rtol=1e-6)
    assert grey.dtype == np.float32


def test_examples_of_some_classes_are_numbered_anew_in_their_order():
    columns = of_classes(SPLIT, [0, 3], (2, 8, 3)).arrays()
    assert columns["label"].tolist() == [1, 0, 1, 0] and columns["label"].dtype == np.int32
    assert columns["image"].shape == (4, 2, 8, 3)
    np.testing.assert_allclose(columns["image"][:, 1, 5, 2], LIGHT[[0, 1, 3, 5]], rtol=1e-6)


def test_classes_are_chosen_by_name_in_the_data_set_s_order():
    found = only_classes(DATASET, ("d", "b"), (4, 4, 1))
    assert (found.name, found.classes, found.levels) == ("shades", ("b", "d"), 256)
    for split in (found.train, found.validation, found.test):
        assert split.arrays()["label"].tolist() == [1, 0, 1]
        np.testing.assert_array_equal(split.arrays()["image"][:, 0, 0, 0], LIGHT[[0, 2, 3]])


def test_chosen_classes_keep_their_numbers_and_columns():
    found = with_classes(DATASET, ("b", "d"))
    assert found.train.arrays()["label"].tolist() == [3, 1, 3] and found.classes == DATASET.classes
    np.testing.assert_array_equal(found.test.arrays()["image"][:, 0, 0, 0], LIGHT[[0, 2, 3]])
    assert with_classes(DATASET, ()) is DATASET
    with pytest.raises(UserError, match="shades has no class 'e': name its own by --classes"):
        with_classes(DATASET, ("b", "e"))
    without = dataclasses.replace(DATASET, test=Arrays({"image": LIGHT[:, None, None, None], "label": LABELS * 0}))
    with pytest.raises(UserError, match="has no test example of these classes"):
        with_classes(without, ("b",))
