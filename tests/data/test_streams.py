import numpy as np
import pytest

from deeplearn.data import Arrays, Records, Stream
from deeplearn.errors import UserError

N, B = 50, 8


def in_memory() -> Arrays:
    image = np.random.default_rng(0).integers(0, 17, (N, 4, 4, 1)).astype(np.uint8)
    return Arrays({"image": image, "label": np.arange(N, dtype=np.int32)}, levels=17)


def on_disk() -> Records:
    kept = in_memory()._columns
    source = [((kept["image"][i] * 16).astype(np.uint8), i) for i in range(N)]
    columns = {"image": ((4, 4, 1), np.uint8), "label": ((), np.int32)}
    return Records(source, lambda record: {"image": record[0], "label": record[1]}, columns, levels=17)


@pytest.fixture(params=[in_memory, on_disk])
def split(request):
    return request.param()


def same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        assert a[key].dtype == b[key].dtype
        np.testing.assert_array_equal(a[key], b[key])


def test_every_example_comes_once_an_epoch_across_its_boundary(split):
    stream = Stream(split, B, seed=0)
    labels = np.concatenate([stream.batch(i)["label"] for i in range(2 * N // B + 1)])
    assert sorted(labels[:N]) == sorted(labels[N : 2 * N]) == list(range(N))
    assert (labels[:N] != labels[N : 2 * N]).any()
    assert N % B  # so a batch did cross


def test_a_batch_is_a_pure_function_of_seed_and_index(split):
    forwards = Stream(split, B, seed=5)
    expected = [forwards.batch(i) for i in range(20)]
    backwards = Stream(split, B, seed=5)
    for i in reversed(range(20)):
        same(backwards.batch(i), expected[i])
    assert (Stream(split, B, seed=6).batch(0)["label"] != expected[0]["label"]).any()


def test_batches_are_stacked_batches(split):
    stream = Stream(split, B, seed=1)
    stacked = stream.batches(4, 9)
    for i in range(9):
        same({key: value[i] for key, value in stacked.items()}, stream.batch(4 + i))


def test_shards_make_up_the_global_batch(split):
    whole = Stream(split, B, seed=2)
    parts = [Stream(split, B, seed=2, shard=(p, 4)) for p in range(4)]
    for i in range(15):
        joined = [part.batch(i)["label"] for part in parts]
        assert all(len(labels) == B // 4 for labels in joined)
        assert (np.concatenate(joined) == whole.batch(i)["label"]).all()
    same(parts[3].batches(2, 3), {key: value[:, 6:] for key, value in whole.batches(2, 3).items()})


def test_permutations_are_numpys_of_seed_and_epoch():
    labels = np.concatenate([Stream(in_memory(), B, seed=7).batch(i)["label"] for i in range(14)])
    expected = [np.random.default_rng((7, epoch)).permutation(N) for epoch in range(3)]
    np.testing.assert_array_equal(labels, np.concatenate(expected)[: 14 * B])


def test_spec_is_that_of_a_batch(split):
    stream = Stream(split, B, seed=0, shard=(1, 2))
    assert {key: (one.shape, one.dtype) for key, one in stream.spec.items()} == {
        key: (value.shape, value.dtype) for key, value in stream.batch(0).items()
    }


def test_a_batch_of_the_whole_split(split):
    assert sorted(Stream(split, N, seed=0).batch(3)["label"]) == list(range(N))


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ((51, 0), "a batch of 51 is larger than the split's 50 examples"),
        ((0, 0), "the batch size is 0"),
        ((8, -1), "the seed is -1"),
        ((8, 0, (0, 3)), "does not divide into 3 equal shards"),
    ],
)
def test_mistakes_are_explained(arguments, sentence):
    with pytest.raises(UserError, match=sentence):
        Stream(in_memory(), *arguments)
