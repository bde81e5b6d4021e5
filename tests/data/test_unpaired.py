"""Unpaired sources: every example once an epoch, each source in an order of its own, resumable, in shards."""

import jax
import numpy as np
import pytest

from deeplearn.data import Arrays, Ragged, Stream, Unpaired, numeric, stream
from deeplearn.errors import UserError
from tests.data.test_streams import same

LARGE, SMALL, B = 50, 20, 8


def rows(count, **columns):
    return Arrays({"row": np.arange(count, dtype=np.int32), **columns})


SOURCES = Unpaired(
    source=rows(LARGE, image=np.zeros((LARGE, 4, 3, 1), np.float32), name=np.array(["a"] * LARGE)),
    target=rows(SMALL, tokens=Ragged.of([[1] * (row % 7) for row in range(SMALL)])),
)


def test_each_source_is_seen_exactly_once_in_each_of_its_epochs():
    made = stream(SOURCES, B, seed=3)
    batches = [made.batch(index) for index in range(20)]
    for name, size in (("source", LARGE), ("target", SMALL)):
        seen = np.concatenate([batch[name]["row"] for batch in batches])
        epochs = seen[: len(seen) // size * size].reshape(-1, size)
        assert len(epochs) >= 3
        for epoch in epochs:
            assert sorted(epoch) == list(range(size))
        assert (epochs[0] != epochs[1]).any()


def test_sources_of_one_size_are_not_paired():
    made = stream(Unpaired(a=rows(30), b=rows(30), c=rows(30)), 30, seed=0)
    for index in range(3):
        batch = made.batch(index)
        orders = {tuple(batch[name]["row"].tolist()) for name in "abc"}
        assert len(orders) == 3 and all(sorted(order) == list(range(30)) for order in orders)
    # The first source is shuffled as it would be alone.
    same(made.batch(1)["a"], Stream(rows(30), 30, seed=0).batch(1))


def test_batches_depend_on_seed_and_index_alone():
    made = stream(SOURCES, B, seed=5)
    expected = [made.batch(index) for index in range(12)]
    for index in reversed(range(12)):  # as after a restart, and in another order
        again = stream(SOURCES, B, seed=5).batch(index)
        assert list(again) == ["source", "target"]
        for name in again:
            same(again[name], expected[index][name])
    assert (stream(SOURCES, B, seed=6).batch(0)["target"]["row"] != expected[0]["target"]["row"]).any()


def test_shards_make_up_the_global_batch_with_one_width():
    whole = stream(SOURCES, B, seed=2)
    parts = [stream(SOURCES, B, seed=2, shard=(p, 4)) for p in range(4)]
    for index in range(12):
        batch, joined = whole.batch(index), [part.batch(index) for part in parts]
        for name in batch:
            same(batch[name], {key: np.concatenate([one[name][key] for one in joined]) for key in batch[name]})


def test_stacked_batches():
    whole = stream(SOURCES, B, seed=1)
    stacked = whole.batches(4, 9)
    for step in range(9):
        batch = whole.batch(4 + step)
        for name in ("source", "target"):
            np.testing.assert_array_equal(stacked[name]["row"][step], batch[name]["row"])
    assert set(stacked["source"]) == {"row", "image"} and set(stacked["target"]) == {"row", "tokens", "length"}
    assert stacked["source"]["image"].shape == (9, B, 4, 3, 1)


def test_facts_are_nested():
    assert len(SOURCES) == LARGE
    assert SOURCES.spec == {name: split.spec for name, split in SOURCES.sources.items()}
    assert SOURCES.texts == {"source": ("name",), "target": ()}
    arrays = SOURCES.arrays(limit=30)
    assert {name: len(columns["row"]) for name, columns in arrays.items()} == {"source": 30, "target": 20}
    assert "name" in arrays["source"] and set(numeric(arrays)["source"]) == {"row", "image"}
    made = stream(SOURCES, B, seed=0, shard=(0, 2))
    assert made.spec["source"]["image"] == jax.ShapeDtypeStruct((B // 2, 4, 3, 1), np.float32)
    assert jax.tree.map(lambda x: x.shape[0], made.batch(0)) == jax.tree.map(lambda x: x.shape[0], made.spec)


def test_the_stream_of_a_split_is_a_stream():
    split = SOURCES.sources["target"]
    same(stream(split, B, 4, (1, 2)).batch(3), Stream(split, B, 4, (1, 2)).batch(3))


def test_mistakes_are_explained():
    with pytest.raises(
        UserError, match="a batch of 32 is larger than the 20 examples of target: choose a batch size"
    ):
        stream(SOURCES, 32, seed=0)
    with pytest.raises(UserError, match="does not divide into 3 equal shards"):
        stream(SOURCES, 8, seed=0, shard=(0, 3))
    with pytest.raises(ValueError, match="at least one source"):
        Unpaired()
