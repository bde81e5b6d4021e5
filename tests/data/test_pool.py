"""The pool that labels are drawn from."""

import numpy as np
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.data.pool import balanced_rows, few_label_pool
from deeplearn.errors import UserError

LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [9, 5, 7])).astype(np.int32)
SPLIT = Arrays({"image": np.stack([LABELS, np.arange(21)], 1).astype(np.float32), "label": LABELS})


def test_classes_are_equally_many_in_order_and_rows_identify_them():
    chosen = few_label_pool(Dataset("toy", SPLIT, SPLIT, SPLIT, classes=("a", "b", "c")), (3,))
    pool = chosen.arrays()
    assert len(chosen) == 15 and {key: (x.shape[1:], x.dtype) for key, x in pool.items()} == {
        key: (one.shape, one.dtype) for key, one in chosen.spec.items()
    }
    np.testing.assert_array_equal(pool["label"], np.repeat([0, 1, 2], 5))  # the rarest class has 5
    np.testing.assert_array_equal(pool["row"] // 5, pool["label"])
    np.testing.assert_array_equal(chosen.gather(np.array([7, 2]))["row"], [7, 2])
    np.testing.assert_array_equal(pool["image"][:, 0], pool["label"])
    assert len(np.unique(pool["image"][:, 1])) == 15


def test_a_limit_is_kept():
    assert len(balanced_rows(SPLIT, 3, limit=4)) == 12


def test_a_class_without_examples_is_reported():
    with pytest.raises(UserError, match="class 3 has no training example"):
        balanced_rows(SPLIT, 4, limit=5)


def test_a_pool_of_few_labels_has_all_that_can_be_drawn():
    labels = np.repeat([0, 1], [150, 130]).astype(np.int32)
    split = Arrays({"image": np.zeros((280, 1), np.float32), "label": labels})
    dataset = Dataset("toy", split, split, split, classes=("a", "b"))
    assert [len(few_label_pool(dataset, counts)) for counts in ((1, 5), (1, 120), (500,))] == [200, 240, 260]
