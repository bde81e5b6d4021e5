import numpy as np
import pytest

from deeplearn.data.partition import CARVE_LIMIT, carve, own_splits, stratified, train_validation_test
from deeplearn.errors import UserError


@pytest.mark.parametrize("sizes", [[200, 500], [1, 1], [0, 7], [1000, 797]])
def test_stratified_is_disjoint_exact_and_in_proportion(sizes):
    labels = np.random.default_rng(0).choice(10, size=1797, p=np.arange(1, 11) / 55)
    parts = stratified(labels, sizes, seed=3)
    assert [len(part) for part in parts] == [*sizes, 1797 - sum(sizes)]
    assert sorted(np.concatenate(parts)) == list(range(1797))
    for part in parts:
        expected = np.bincount(labels, minlength=10) * len(part) / 1797
        assert np.abs(np.bincount(labels[part], minlength=10) - expected).max() <= 2


def test_the_seed_decides():
    labels = np.arange(100) % 3
    first, again, other = (stratified(labels, [20], seed)[0] for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_parts_are_shuffled_so_that_a_prefix_has_all_classes():
    labels = np.repeat(np.arange(10), 100)
    train, _, _ = train_validation_test(labels, seed=0)
    assert set(labels[train[:100]]) == set(range(10))


def test_examples_of_one_split_that_is_not_train_are_refused():
    with pytest.raises(UserError, match="examples in test, but none in train"):
        own_splits({"test": np.arange(5)}, np.zeros(5, int), (), 0)


def test_carving_takes_a_tenth_and_not_too_much():
    kept, carved = carve(np.zeros(200), seed=0)
    assert (len(kept), len(carved)) == (180, 20)
    assert len(carve(np.zeros(60_000), seed=0)[1]) == CARVE_LIMIT == 5000
