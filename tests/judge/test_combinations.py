"""Combinations of parts: what is right, and the neighbour that shares the most."""

import numpy as np
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.judge.combinations import combination_quality, has_parts, nearest_combination, part_sizes


@pytest.fixture(name="dataset")
def combinations():
    """Kinds, persons and tones that can be read off three pixels."""

    def split(rows, new):
        kind, person, tone = np.array(rows, np.int32).T
        image = np.zeros((len(rows), 2, 2, 3), np.float32)
        image[:, 0, 0, 0], image[:, 0, 1, 0], image[:, 1, 0, 0] = kind / 4, person / 4, tone / 4
        columns = {"image": image, "label": kind * 9 + person * 3 + tone, "kind": kind, "person": person}
        return Arrays({**columns, "tone": tone, "held_out": np.array(new, np.int32)})

    about = {
        "kinds": ("a", "b", "c"),
        "persons": ("", "w"),
        "tones": ("", "x", "y"),
        "held out": ("", "tone", "person"),
    }
    train = split([(0, 0, 0), (0, 0, 1), (1, 1, 0), (2, 0, 2)], [0] * 4)
    test = split([(0, 0, 2), (1, 0, 0)], [1, 2])
    return Dataset(
        "parts", train, split([(2, 0, 1)], [1]), test, about={**about, "held out": ("", "tone", "person")}
    )


def test_the_true_pictures_are_right_in_everything(dataset):
    assert has_parts(dataset) and part_sizes(dataset) == (3, 2, 3)
    found = combination_quality(dataset.test.arrays()["image"], dataset)
    names = [f"{what}{new}" for new in ("", "_tone", "_person") for what in ("identity", "kind", "person", "tone")]
    assert found == {**dict.fromkeys(names, 1.0), "mse": 0.0, "sharpness": 1.0}


def test_the_neighbour_shares_the_kind_and_misses_what_is_new(dataset):
    found = nearest_combination(dataset)
    np.testing.assert_array_equal(found.arrays["image"], dataset.train.arrays()["image"][[0, 2]])
    assert found.metrics["identity"] == 0 and found.metrics["kind"] == 1
    assert found.metrics["tone_tone"] == 0 and found.metrics["person_tone"] == 1
    assert found.metrics["person_person"] == 0 and found.metrics["tone_person"] == 1
    blurred = np.full((2, 2, 2, 3), 0.1, np.float32)
    assert combination_quality(blurred, dataset)["sharpness"] == 0
