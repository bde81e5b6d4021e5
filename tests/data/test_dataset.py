"""What experiments need of a data set, and the fingerprint of its data."""

import dataclasses
import time

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data import Arrays, Dataset, Ragged, Vocabulary, dataset
from deeplearn.errors import UserError

RNG = np.random.default_rng(0)


def images(height=4, width=4, label=True, count=12):
    columns = {"image": RNG.integers(0, 17, (count, height, width, 3)).astype(np.uint8)}
    return Arrays(columns | ({"label": np.arange(count, dtype=np.int32) % 2} if label else {}), levels=17)


def made(split, **facts):
    return Dataset("mine", split, split, split, **facts)


TABLE = made(Arrays({"features": np.zeros((5, 2), np.float32)}))


def test_shapes_of_images():
    assert made(images(4, 6)).image_shape == (4, 6, 3)
    assert made(images(4, 6)).pixels == 72
    for fact in ("image_shape", "pixels"):
        with pytest.raises(UserError, match=r"--dataset=mine has no images$"):
            getattr(TABLE, fact)


def test_what_is_there_is_not_complained_about():
    whole = made(images(), levels=17)
    for need in (whole.need_images, whole.need_labelled_images, whole.need_square_images, whole.need_levels):
        need("a test needs them")
    whole.need_levels("a test needs them", limit=17)


@pytest.mark.parametrize(
    "set_, need, sentence",
    [
        (TABLE, "need_images", "--dataset=mine has no images: why"),
        (TABLE, "need_labelled_images", "--dataset=mine has no labelled images: why"),
        (TABLE, "need_square_images", "--dataset=mine has no images: why"),
        (TABLE, "need_levels", "--dataset=mine has no images: why"),
        (made(images(label=False)), "need_labelled_images", "--dataset=mine has no labelled images: why"),
        (made(images(4, 6)), "need_square_images", "--dataset=mine has images of 4×6 pixels, not squares: why"),
        (made(images()), "need_levels", "--dataset=mine has no images with grey levels: why"),
        (TABLE, "need_modes", "--dataset=mine has no modes to count, as mixture/grid has: why"),
    ],
)
def test_what_lacks_is_reported_in_a_sentence(set_, need, sentence):
    with pytest.raises(UserError) as error:
        getattr(set_, need)("why")
    assert str(error.value) == sentence


def test_too_many_levels():
    with pytest.raises(UserError, match="has 17 grey levels, more than 16: why"):
        made(images(), levels=17).need_levels("why", limit=16)


def test_the_directory_is_where_it_was_loaded_from(tmp_path, data_dir, monkeypatch):
    assert data.load("digits", data_dir).directory == data_dir
    np.savez(tmp_path / "mine.npz", image=np.zeros((9, 2, 2), np.uint8))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "elsewhere"))
    assert data.load(f"npz:{tmp_path}/mine.npz").directory == tmp_path / "elsewhere"
    assert TABLE.directory is None


def test_a_fingerprint_is_of_the_data_and_cheap(data_dir, tmp_path):
    digits = data.load("digits", data_dir)
    first = digits.fingerprint()
    start = time.perf_counter()
    assert digits.fingerprint() == first and len(first) == 64 and int(first, 16)
    assert time.perf_counter() - start < 0.5  # 5 ms on an idle core
    renamed = dataclasses.replace(digits, name="other", directory=tmp_path)
    assert renamed.fingerprint() == first


def test_any_change_of_a_small_set_changes_its_fingerprint():
    columns = {
        "image": RNG.integers(0, 17, (12, 4, 4, 1)).astype(np.uint8),
        "label": np.arange(12, dtype=np.int32),
        "text": np.array([f"text {row}" for row in range(12)]),
        "tokens": Ragged.of([[row] * (row % 4) for row in range(12)]),
    }
    facts = {"classes": ("a", "b"), "levels": 17, "vocabulary": Vocabulary.words(["a b"])}
    whole = made(Arrays(columns, 17), **facts)
    prints = [whole.fingerprint()]
    assert made(Arrays(columns, 17), **facts).fingerprint() == prints[0]
    for key, value in (("classes", ("a", "c")), ("levels", 256), ("vocabulary", Vocabulary.words(["a c"]))):
        prints.append(dataclasses.replace(whole, **{key: value}).fingerprint())
    changes = {}
    for key in ("image", "label", "text"):
        changes[key] = columns[key].copy()
        changes[key][7] = "other" if key == "text" else columns[key][7] + 1
    changes["tokens"] = Ragged.of([[row] * (row % 3) for row in range(12)])
    changes["other"] = np.zeros(12)
    for key, column in changes.items():
        for split in ("train", "validation", "test"):
            changed = Arrays(columns | {key: column}, 17)
            prints.append(dataclasses.replace(whole, **{split: changed}).fingerprint())
    assert len(set(prints)) == len(prints)


def test_the_size_of_a_split_counts(monkeypatch):
    monkeypatch.setattr(dataset, "FINGERPRINT_ROWS", 5)  # the same rows are read of both
    assert len({made(Arrays({"label": np.zeros(count)})).fingerprint() for count in (11, 12)}) == 2


def test_of_a_large_split_a_bounded_sample_is_read(monkeypatch):
    monkeypatch.setattr(dataset, "FINGERPRINT_BYTES", 40 * 800)
    read = []

    class Counted(Arrays):
        def gather(self, indices, among=None):
            read.append(len(indices))
            return super().gather(indices, among)

    large = np.zeros((5000, 200), np.float32)
    first = made(Counted({"features": large})).fingerprint()
    assert read == [40] * 3
    large[-1, 5] = 1  # the last row is in the sample
    assert made(Counted({"features": large})).fingerprint() != first
    monkeypatch.setattr(dataset, "FINGERPRINT_BYTES", 0)
    made(Counted({"features": large})).fingerprint()
    assert read[6:] == [16] * 3


def test_facts_are_noted_and_one_name_is_one_number():
    found = made(Arrays({"point": np.arange(8, dtype=np.float32).reshape(4, 2)}))
    assert found.moments("point") == (3.5, pytest.approx(np.arange(8).std()))
    assert found.moments("point", rows=2) == (1.5, pytest.approx(np.arange(4).std()))
    assert found.fact("sum", lambda: 28) == 28 == found.fact("sum", lambda: 28)
    assert len(found.facts) == 3
    with pytest.raises(ValueError, match=r"two facts of .* are called 'sum'"):
        found.fact("sum", lambda: 29)
