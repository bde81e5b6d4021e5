"""Some classes of a data set, renumbered, at another size."""

import dataclasses

import numpy as np
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.data.classes import (
    examples_of,
    held_out,
    labelled_by,
    labels_of,
    of_classes,
    only_classes,
    resized,
    with_classes,
)
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


def test_classes_held_out_are_spread_evenly_and_never_the_first():
    assert held_out(5, 0.5).tolist() == [False, True, False, True, False]
    assert held_out(10, 0.3).nonzero()[0].tolist() == [3, 6, 9]
    assert not held_out(4, 0).any() and not held_out(1, 0.9).any()
    for classes in (1, 2, 7, 47):
        for fraction in (0.1, 0.5, 0.9):
            assert (
                abs(held_out(classes, fraction).sum() - classes * fraction) < 1
                and not held_out(classes, fraction)[0]
            )


def test_examples_of_classes_keep_their_numbers_and_are_read_when_needed(monkeypatch):
    monkeypatch.setattr("deeplearn.data.classes.BLOCK", 4)
    np.testing.assert_array_equal(labels_of(SPLIT), LABELS)
    columns = examples_of(SPLIT, np.array([False, False, True, True])).arrays()
    assert columns["label"].tolist() == [3, 3, 2]
    np.testing.assert_allclose(columns["image"][:, 0, 0, 0], LIGHT[[0, 3, 4]])
    none = examples_of(SPLIT, np.zeros(4, bool))
    with pytest.raises(UserError, match="no training example"):
        len(none)


def test_another_column_may_be_the_label():
    kind = np.array([1, 0, 1, 0, 1, 1], np.int32)
    split = Arrays({**SPLIT.arrays(), "kind": kind})
    dataset = dataclasses.replace(
        DATASET, train=split, validation=split, test=split, about={"kinds": ("cat", "dog")}
    )
    found = labelled_by(dataset, "kind")
    assert found.classes == ("cat", "dog") and found.train.spec["label"].dtype == np.int32
    np.testing.assert_array_equal(found.test.arrays(4)["label"], kind[:4])
    np.testing.assert_array_equal(found.train.gather(np.array([2, 1]))["label"], [1, 0])
    assert len(found.train) == 6 and labelled_by(dataset, "label") is dataset
    with pytest.raises(UserError, match="shades has no column 'font' of named classes: it has label, kind"):
        labelled_by(dataset, "font")
