"""Hidden halves without a network, where a linear function of the visible half is the truth."""

import dataclasses

import numpy as np

from deeplearn.baselines.completion import completions
from deeplearn.data import Arrays
from deeplearn.measured import Measured
from tests.experiments.pretend import pretend

VISIBLE = np.array([[True, True], [False, False]])


def dataset():
    rng = np.random.default_rng(0)

    def split(count):
        upper = rng.normal(size=(count, 1, 2, 1))
        return np.concatenate([upper, 2 * upper[:, :, ::-1] + 1], axis=1)

    columns = [Arrays({"image": split(count)}) for count in (200, 50, 20)]
    return dataclasses.replace(pretend("digits"), train=columns[0], validation=columns[1], test=columns[2])


def test_each_keeps_what_is_visible_and_fills_in_by_its_rule():
    data = dataset()
    test, train = data.test.arrays()["image"], data.train.arrays()["image"]
    seen = test.copy()
    seen[:, 1] = np.nan  # nobody may look there

    def measure(complete):
        made = complete(seen)
        np.testing.assert_array_equal(made[:, 0], test[:, 0])
        return Measured({}, {"hidden": made[:, 1]})

    made = {row: thunk().arrays["hidden"] for row, thunk in completions(data, VISIBLE, measure).items()}
    np.testing.assert_allclose(made["ridge regression"], test[:, 1], atol=0.01)
    np.testing.assert_allclose(made["mean picture"], np.tile(train.mean(0)[1], (20, 1, 1)), rtol=1e-6)
    for picture, hidden in zip(test, made["nearest training picture"], strict=True):
        found = np.square(train[:, 0] - picture[0]).sum((1, 2)).argmin()
        np.testing.assert_array_equal(hidden, train[found, 1])
