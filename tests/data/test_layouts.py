"""Names of folders that are splits."""

import pytest

from deeplearn.data.layouts import split_name


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("Training_Set", "train"),
        ("VAL", "validation"),
        ("valid", "validation"),
        ("dev", "validation"),
        ("test-images", "test"),
        ("cats", ""),
        ("train_test", ""),
        ("testament", ""),
        ("set", ""),
    ],
)
def test_a_split_is_known_by_its_name_in_any_case(name, split):
    assert split_name(name) == split
