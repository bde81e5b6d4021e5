"""Sequences of unequal length: padding, buckets, lengths, and batches whose parts agree on their width."""

import jax
import numpy as np
import pytest

from deeplearn.data import Arrays, Ragged, Stream
from deeplearn.data.ragged import Texts, halvings
from deeplearn.errors import UserError
from tests.data.test_streams import same

RNG = np.random.default_rng(0)
LENGTHS = np.r_[RNG.integers(0, 9, 55), [40, 20, 11, 17, 5]]  # most are short: batches differ in width
SEQUENCES = [RNG.integers(1, 100, length) for length in RNG.permutation(LENGTHS)]
SPLIT = Arrays(
    {
        "tokens": Ragged.of(SEQUENCES),
        "row": np.arange(60, dtype=np.int32),
        "text": np.array([str(s) for s in SEQUENCES]),
    }
)
BUCKETS = (5, 10, 20, 40)


def padded(rows, width):
    return np.array([[*SEQUENCES[row], *[0] * (width - len(SEQUENCES[row]))] for row in rows])


def test_the_longest_is_halved():
    assert halvings(40) == BUCKETS
    assert halvings(41) == (6, 11, 21, 41)
    assert halvings(3) == (1, 2, 3)
    assert halvings(0) == (1,)
    assert halvings(100, 2) == (50, 100)


def test_arrays_are_padded_to_the_widest_and_have_lengths_and_texts():
    for limit in (None, 7):
        columns, rows = SPLIT.arrays(limit), range(limit or 60)
        assert set(columns) == {"tokens", "length", "row", "text"}
        np.testing.assert_array_equal(columns["tokens"], padded(rows, 40))
        assert columns["length"].tolist() == [len(SEQUENCES[row]) for row in rows]
        assert columns["text"].tolist() == [str(SEQUENCES[row]) for row in rows]
    assert columns["tokens"].dtype == columns["length"].dtype == np.int32
    assert SPLIT.spec == {
        "tokens": jax.ShapeDtypeStruct((40,), np.int32),
        "length": jax.ShapeDtypeStruct((), np.int32),
        "row": jax.ShapeDtypeStruct((), np.int32),
    }
    assert SPLIT.texts == ("text",) and len(SPLIT) == 60


def test_what_is_gathered_has_the_narrowest_bucket_that_holds_it():
    widths = set()
    for _ in range(200):
        rows = RNG.integers(0, 60, 3)
        found = SPLIT.gather(rows)["tokens"]
        longest = max(len(SEQUENCES[row]) for row in rows)
        assert found.shape[1] == min(width for width in BUCKETS if width >= longest)
        np.testing.assert_array_equal(found, padded(rows, found.shape[1]))
        widths.add(found.shape[1])
    assert widths == set(BUCKETS)


def test_a_batch_is_as_wide_as_its_whole_needs_in_every_shard():
    whole = Stream(SPLIT, 6, seed=1)
    parts = [Stream(SPLIT, 6, seed=1, shard=(p, 3)) for p in range(3)]
    widths = []
    for index in range(30):  # three epochs, some batches across their ends
        batch = whole.batch(index)
        assert set(batch) == {"tokens", "length", "row"}
        widths.append(batch["tokens"].shape[1])
        assert widths[-1] == min(width for width in BUCKETS if width >= batch["length"].max())
        np.testing.assert_array_equal(batch["tokens"], padded(batch["row"], widths[-1]))
        joined = [part.batch(index) for part in parts]
        same(batch, {key: np.concatenate([part[key] for part in joined]) for key in batch})
    assert len(set(widths)) > 2
    # A killed run that starts again at batch 17 sees the same batch.
    same(Stream(SPLIT, 6, seed=1).batch(17), whole.batch(17))


def test_stacked_batches_have_the_width_of_the_widest():
    whole = Stream(SPLIT, 6, seed=2)
    for first in range(0, 30, 5):
        singles = [whole.batch(first + step) for step in range(5)]
        width = max(batch["tokens"].shape[1] for batch in singles)
        stacked = whole.batches(first, 5)
        assert stacked["tokens"].shape == (5, 6, width)
        for step, batch in enumerate(singles):
            np.testing.assert_array_equal(stacked["tokens"][step], padded(batch["row"], width))
            np.testing.assert_array_equal(stacked["length"][step], batch["length"])
        part = Stream(SPLIT, 6, seed=2, shard=(1, 2)).batches(first, 5)
        same(part, {key: value[:, 3:] for key, value in stacked.items()})
    assert whole.spec["tokens"].shape == (6, 40) and whole.spec["length"].shape == (6,)


def test_several_columns_never_make_more_shapes_than_there_are_buckets():
    long, short = RNG.integers(0, 81, 200), RNG.integers(0, 9, 200)
    split = Arrays(
        {
            "source": Ragged.of([np.ones(n) for n in long]),
            "target": Ragged.of([np.ones(n) for n in short], length="target_length"),
            "tags": Ragged.of([np.ones(n) for n in short], np.float32, pad=-1, length="target_length"),
        }
    )
    shapes = set()
    for row in range(200):
        batch = split.gather(np.array([row]))
        assert (batch["source"].sum(1) == batch["length"]).all()
        assert (batch["target"].sum(1) == batch["target_length"]).all()
        assert batch["tags"].dtype == np.float32
        np.testing.assert_array_equal(batch["tags"], np.where(batch["target"] == 0, -1, 1))
        shapes.add((batch["source"].shape[1], batch["target"].shape[1]))
    assert len(shapes) == 4


def test_frames_of_features_are_padded_along_time_alone():
    frames = RNG.normal(size=(7, 2)).astype(np.float32)
    split = Arrays({"frames": Ragged(frames, np.array([0, 3, 3, 7]), pad=np.nan)})
    found = split.arrays()["frames"]
    assert found.shape == (3, 4, 2) and split.spec["frames"].shape == (4, 2)
    np.testing.assert_array_equal(found[0], [*frames[:3], [np.nan] * 2])
    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(found[2], frames[3:])


def test_a_column_is_replaced_with_its_lengths():
    shorter = SPLIT.replaced({"tokens": Ragged.of([s[:4] for s in SEQUENCES]), "text": None})
    assert shorter.arrays()["length"].max() == 4 and shorter.texts == ()
    np.testing.assert_array_equal(shorter.column("tokens", 9), SPLIT.column("tokens", 9)[:, :4])
    assert set(SPLIT.replaced({"tokens": None}).spec) == {"row"}


@pytest.mark.parametrize(
    "keywords, allowed", [({"limit": 3}, 3), ({"buckets": (2, 4)}, 4), ({"limit": 9, "buckets": (4,)}, 4)]
)
@pytest.mark.parametrize("row", [0, 2])
def test_the_row_of_a_sequence_that_is_too_long_is_named(keywords, allowed, row):
    sequences = [[1], [1, 2], [1, 2, 3]]
    Ragged.of(sequences, **keywords)
    sequences[row] = [1] * 5
    with pytest.raises(UserError, match=f"row {row} has a sequence of length 5, longer than the {allowed} allowed"):
        Ragged.of(sequences, **keywords)


def test_mistakes_of_a_caller_are_value_errors():
    with pytest.raises(ValueError, match="offsets must ascend"):
        Ragged(np.arange(4), np.array([0, 3]))
    with pytest.raises(ValueError, match="offsets must ascend"):
        Ragged(np.arange(4), np.array([0, 3, 2, 4]))
    with pytest.raises(ValueError, match="buckets must be ascending"):
        Ragged.of([[1]], buckets=(4, 2))
    with pytest.raises(ValueError, match="length holds other lengths than b has"):
        Arrays({"a": Ragged.of([[1], [2]]), "b": Ragged.of([[1], [2, 3]])})
    with pytest.raises(ValueError, match="one number of rows"):
        Arrays({"a": Ragged.of([[1], [2]]), "b": np.zeros(3)})


def test_texts_come_back_whatever_their_script():
    texts = ["", "naïve", "日本語", "🙂\n", "", "a\0b"]
    column = Texts.of(texts)
    assert len(column) == 6
    assert column.strings(np.arange(6)).tolist() == texts
    assert column.strings(np.array([3, 3, 1])).tolist() == ["🙂\n", "🙂\n", "naïve"]
    assert Texts.of(["a\ud800b"]).strings(np.array([0])).tolist() == ["a?b"]
    assert Texts.of([""]).strings(np.array([0])).tolist() == [""]
