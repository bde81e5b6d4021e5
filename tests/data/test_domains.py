"""Two sets as source and target: one size, one numbering of classes, no label where none should be seen."""

import dataclasses
import json

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data import Arrays, Dataset
from deeplearn.data.builders import domains as builder
from deeplearn.data.description import describe, stand_in
from deeplearn.data.domains import apart, joined
from deeplearn.errors import UserError


def some(name, count, side, channels, classes=("a", "b"), value=None):
    rng = np.random.default_rng(count)
    label = (np.arange(count) % len(classes)).astype(np.int32)
    image = np.broadcast_to(
        label[:, None, None, None] / 4 if value is None else value, (count, side, side, channels)
    )
    split = Arrays({"image": image.astype(np.float32), "label": label, "other": rng.normal(size=count)})
    return Dataset(name, split, split, split, classes=classes)


SOURCE, TARGET = some("photos", 12, 4, 1), some("drawings", 7, 6, 3, classes=("b", "a"))


def test_sizes_and_classes_are_one_and_examples_are_what_they_were():
    dataset = joined(SOURCE, TARGET)
    assert dataset.train.spec["image"].shape == dataset.train.spec["target"].shape == (6, 6, 3)
    source, target = apart(dataset)
    assert (source.name, target.name) == ("photos", "drawings")
    assert [len(one.train) for one in (source, target)] == [12, 7]
    columns = target.train.arrays()
    # Of the target's own classes 0 was b: it is the source's 1.
    np.testing.assert_array_equal(columns["label"], 1 - np.arange(7) % 2)
    np.testing.assert_allclose(columns["image"][:, 0, 0, 0], (np.arange(7) % 2) / 4)
    assert [dataset.classes[label] for label in columns["label"]] == ["b", "a"] * 3 + ["b"]
    np.testing.assert_array_equal(source.test.arrays()["label"], np.arange(12) % 2)


def test_what_adapts_sees_no_label_of_the_target():
    train = apart(joined(SOURCE, TARGET)).train
    assert {name: set(spec) for name, spec in train.spec.items()} == {
        "source": {"image", "label"},
        "target": {"image"},
        "labelled_target": {"image", "label"},
    }
    assert set(data.stream(train, 4, seed=0).batch(0)["target"]) == {"image"}


def test_it_is_known_from_its_description():
    dataset = stand_in(json.loads(json.dumps(describe(joined(SOURCE, TARGET)))))
    assert len(apart(dataset).target.train) == 7 and apart(dataset).train.spec["target"]["image"].shape == (6, 6, 3)


def test_of_an_ordered_set_all_classes_are_read_and_a_note_says_what_is_not(monkeypatch):
    monkeypatch.setattr("deeplearn.data.classes.SCAN_LIMIT", 8)
    monkeypatch.setattr("deeplearn.data.domains.SCAN_LIMIT", 8)
    ordered = Arrays(
        {name: column[np.argsort(np.arange(12) % 2)] for name, column in SOURCE.train.arrays().items()}
    )
    dataset = joined(dataclasses.replace(SOURCE, train=ordered), TARGET)
    source = apart(dataset).source.train.arrays()
    assert np.bincount(source["label"]).tolist() == [4, 4]
    np.testing.assert_allclose(source["image"][:, 0, 0, 0], source["label"] / 4)
    note = "photos: only 8 examples of train, validation, test are used, evenly spaced"
    assert dataset.notes == (note,) and not joined(TARGET, TARGET).notes


def test_other_colours_are_a_sentence():
    with pytest.raises(UserError, match="of 3 channels cannot stand beside pictures of 4"):
        joined(TARGET, some("transparent", 8, 4, 4))


def test_other_classes_are_a_sentence():
    with pytest.raises(UserError, match="same classes, but only photos has a and only other has c"):
        joined(SOURCE, some("other", 8, 4, 1, classes=("b", "c")))
    with pytest.raises(UserError, match="source and target should have the same classes"):
        data.load("domains:digits,glyphs")


@pytest.mark.parametrize("name", ["a", "a,b,c", ",b", ""])
def test_two_names_are_needed(name):
    with pytest.raises(UserError, match="should name two data sets joined by a comma"):
        data.load(f"domains:{name}")


def test_what_cannot_be_compared_is_a_sentence():
    with pytest.raises(UserError, match="is no source and target: give --source and --target"):
        apart(SOURCE)
    with pytest.raises(UserError, match="one class alone"):
        apart(joined(*[some("x", 8, 4, 1, classes=("only",))] * 2)).need_variety(8)
    with pytest.raises(UserError, match="the target, drawings, has 3 validation examples: at least 5"):
        apart(joined(SOURCE, some("drawings", 3, 4, 1))).need_variety(8)
    with pytest.raises(UserError, match="batch of 1 has no variance"):
        apart(joined(SOURCE, TARGET)).need_variety(1)
    with pytest.raises(UserError, match="no labelled images"):
        joined(SOURCE, dataclasses.replace(TARGET, train=Arrays({"image": np.zeros((3, 4, 4, 1), np.float32)})))


def test_a_digit_over_a_photograph_is_their_difference(monkeypatch):
    patch = np.linspace(0, 1, 16 * 16 * 3).reshape(16, 16, 3)
    monkeypatch.setattr(builder, "patches", lambda split, count, rng: np.broadcast_to(patch, (count, 16, 16, 3)))
    found = builder.over_photographs("validation")
    digits = data.load("digits").validation.arrays()
    large = builder.larger(digits["image"][..., 0])
    brightness = found["image"].mean((1, 2, 3))
    np.testing.assert_allclose(
        np.sort(brightness), np.sort(np.abs(patch - large[..., None]).mean((1, 2, 3))), atol=1e-6
    )
    assert len(found["label"]) == 200


def test_night_is_darker_and_bluer_and_splits_have_their_own_places():
    rng = np.random.default_rng(0)
    day = builder.patches("train", 50, rng)
    night = builder.night(day, rng)
    assert night.mean() < 0.6 * day.mean()
    assert (night / (day + 0.1)).mean((0, 1, 2)).argmax() == 2
    test = builder.patches("test", 50, np.random.default_rng(0))
    assert not {one.tobytes() for one in day} & {one.tobytes() for one in test}
