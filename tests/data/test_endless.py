"""Tasks without end: rows are functions of their index, and what they ask is what the papers ask."""

import numpy as np
import pytest
from scipy import stats

from deeplearn.data import load, stream
from deeplearn.data.endless import BLANK, CLASSES, GO, VOCABULARY, uniforms
from deeplearn.data.streams import ENDLESS
from deeplearn.errors import UserError

ROWS = np.array([3, 2**39, 17])


def test_numbers_are_those_of_splitmix64():
    """The first outputs of its reference implementation (Vigna's splitmix64.c) from the state 1234567."""
    from deeplearn.data import endless

    with np.errstate(over="ignore"):
        states = np.uint64(1234567) + np.arange(1, 3, dtype=np.uint64) * endless.GAMMA
        assert endless._mixed(states).tolist() == [6457827717110365317, 3203168211198807973]


def test_numbers_are_uniform_and_independent():
    found = uniforms(np.arange(4000), 5, 0)
    assert stats.kstest(found.ravel(), "uniform").pvalue > 1e-3
    columns = np.vstack([found.T, np.roll(found, 1, 0).T])  # of a row and of the one before
    assert np.abs(np.corrcoef(columns) - np.eye(10)).max() < 0.08


@pytest.mark.parametrize("name", ["adding/30", "recent/30", "copy/30"])
def test_a_row_depends_on_its_index_alone_and_splits_differ(name):
    dataset = load(name)
    one, other = dataset.train.gather(ROWS), dataset.train.gather(ROWS[::-1])
    for key, spec in dataset.train.spec.items():
        np.testing.assert_array_equal(one[key], other[key][::-1])
        assert one[key].shape[1:] == spec.shape and one[key].dtype == spec.dtype
    key = "tokens" if "tokens" in one else "sequence"
    splits = (dataset.train, dataset.validation, dataset.test)
    rows = np.concatenate([split.arrays(50)[key] for split in splits])
    assert len(np.unique(rows.reshape(150, -1), axis=0)) == 150


HALVES = {"adding/31": ((0, 15), (15, 31)), "recent/31": ((21, 26), (26, 31))}


@pytest.mark.parametrize(("name", "halves"), HALVES.items())
def test_two_numbers_are_marked_and_added(name, halves):
    dataset = load(name)
    rows = dataset.test.arrays()
    values, marks = np.moveaxis(rows["sequence"], -1, 0)
    places = marks.nonzero()[1].reshape(-1, 2)
    for column, (first, last) in zip(places.T, halves, strict=True):
        assert np.unique(column).tolist() == list(range(first, last))
    chosen = np.take_along_axis(values, places, 1)
    np.testing.assert_allclose(rows["target"], chosen.sum(1), rtol=1e-6)
    assert rows["target"].var() == pytest.approx(dataset.about["guess"], rel=0.1) and values.max() < 1


def test_ten_symbols_are_copied_after_the_sign():
    dataset = load("copy/15")
    rows = dataset.test.arrays(100)
    tokens = np.array(VOCABULARY.tokens)[rows["tokens"]]
    tags = np.array(CLASSES)[rows["tags"]]
    assert tokens.shape == tags.shape == (100, 35) and (rows["length"] == 35).all()
    assert (tokens[:, 10:24] == BLANK).all() and (tokens[:, 24] == GO).all() and (tokens[:, 25:] == BLANK).all()
    assert (tags[:, :25] == BLANK).all()
    np.testing.assert_array_equal(tags[:, 25:], tokens[:, :10])
    assert dataset.about["guess"] == pytest.approx(10 * np.log(8) / 35) and len(np.unique(tokens)) == 10


def test_a_stream_of_them_has_no_epochs_and_is_a_function_of_seed_and_index():
    split = load("recent/10").train
    assert len(split) >= ENDLESS
    one, again, other = (stream(split, 4, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.batch(7)["sequence"], again.batches(5, 3)["sequence"][2])
    targets = [batch["target"] for batch in (one.batch(7), other.batch(7), one.batch(8))]
    assert len(np.unique(np.concatenate(targets))) == 12
    halves = [stream(split, 4, 0, (part, 2)).batch(7)["sequence"] for part in (0, 1)]
    np.testing.assert_array_equal(np.concatenate(halves), one.batch(7)["sequence"])


def test_names():
    assert load("adding").name == "adding/50" and load("copy/0200").name == "copy/200"
    for name in ("adding/9", "copy/1000001", "recent/x", "adding/50/2", "copy/-3"):
        with pytest.raises(UserError, match="has no such length"):
            load(name)
    with pytest.raises(UserError, match="without end"):
        load("adding").train.arrays()
