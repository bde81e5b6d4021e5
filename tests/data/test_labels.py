import numpy as np
import pytest

from deeplearn.data.labels import numbered, shown

INDEX = np.array([3, 0, 1, 2, 0])


@pytest.mark.parametrize(
    "ids, names",
    [
        (np.array([0, 1, 5000, 2**33]), ("0", "1", "5000", str(2**33))),
        (np.array([0, 1, 2, 2**64 - 1], np.uint64), ("0", "1", "2", str(2**64 - 1))),
        (np.array([0.0, 1.0, 7.0, 1e15]), ("0", "1", "7", str(10**15))),
        (np.array(["1", "2.0", "9", "10"]), ("1", "2", "9", "10")),  # not the order of texts
        (np.array(["$", "a\nb", "x y", "鳥"]), ("$", "a\nb", "x y", "鳥")),
        (np.array([b"a", b"b", b"c", b"d"]), ("a", "b", "c", "d")),
        (np.eye(4), ("0", "1", "2", "3")),
    ],
)
def test_each_example_keeps_its_class(ids, names):
    classes, label, _ = numbered(ids[INDEX], "labels")
    assert classes == names and label.dtype == np.int32
    np.testing.assert_array_equal(label, INDEX)


def test_names_are_shown_on_one_line():
    assert shown(["a\nb", "x" * 50, "鳥"]) == f"a\\nb, {'x' * 40}…, 鳥"
    assert shown(map(str, range(9))) == "0, 1, 2, 3, 4 and 4 more"
