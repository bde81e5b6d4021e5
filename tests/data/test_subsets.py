"""Nested subsets, side by side."""

import numpy as np

from deeplearn.data import Arrays
from deeplearn.data.subsets import Chosen, evenly_spaced, joined, nested, side_by_side


def test_sizes_are_fractions_of_all_and_the_order_has_everyone_once():
    order, sizes = nested(40, (1 / 100, 1 / 16, 1 / 4, 1))
    assert sizes == [1, 2, 10, 40]  # 2.5 goes to the even number, none is empty
    assert sorted(order) == list(range(40))
    np.testing.assert_array_equal(order, nested(40, (1,))[0])
    assert list(order) != list(range(40))


def test_each_subset_lies_in_the_next_and_comes_round_evenly():
    order, sizes = np.array([2, 0, 5, 1, 4, 3]), [1, 2, 4, 6]
    image = np.arange(6 * 3, dtype=np.float32).reshape(6, 3)
    columns = side_by_side({"image": image, "label": np.arange(6)}, order, sizes).arrays()
    expected = [[2, 2, 2, 2], [2, 0, 0, 0], [2, 2, 5, 5], [2, 0, 1, 1], [2, 2, 2, 4], [2, 0, 0, 3]]
    np.testing.assert_array_equal(columns["label"], expected)
    np.testing.assert_array_equal(columns["image"], image[np.array(expected)])


def test_rows_that_a_function_finds_are_looked_for_when_needed_and_once():
    asked = []

    def rows():
        asked.append(1)
        return np.array([4, 1])

    chosen = Chosen(Arrays({"value": np.arange(5.0)}), rows)
    assert list(chosen.spec) == ["value"] and not asked
    assert len(chosen) == 2 and chosen.arrays()["value"].tolist() == [4, 1] and len(asked) == 1


def test_rows_of_an_ordered_split_are_taken_from_all_of_it():
    split = Arrays({"value": np.arange(9)})
    assert evenly_spaced(split, 3)["value"].tolist() == [0, 4, 8]
    assert evenly_spaced(split, 20)["value"].tolist() == list(range(9))
    assert evenly_spaced(split, 2, np.array([1, 2, 7]))["value"].tolist() == [1, 7]


def test_parts_of_other_widths_are_joined():
    one = {"tokens": np.array([[2, 5, 3]], np.int32), "image": np.zeros((1, 2, 2, 3))}
    two = {"tokens": np.array([[2, 5, 6, 7, 3]], np.int32), "image": np.ones((1, 2, 2, 3)), "more": np.zeros(1)}
    found = joined([one, two])
    assert found["tokens"].tolist() == [[2, 5, 3, 0, 0], [2, 5, 6, 7, 3]] and found["tokens"].dtype == np.int32
    assert found["image"].shape == (2, 2, 2, 3) and found["image"][1].all() and "more" not in found
