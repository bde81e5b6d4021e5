"""Accuracies by labels per class."""

import numpy as np
import pytest

from deeplearn.metrics.few_labels import accuracies, series, validate

SAID = {1: [0, 1, 1, 1], 5: [0, 1, 0, 1]}


class Trained:
    """A model and its run in one, for numbers of labels that `SAID` has predictions for."""

    labels = (1, 5)

    @property
    def model(self):
        return self

    def logits(self, image, count):
        return np.eye(2)[SAID[count]]

    def over(self, method, image, **arguments):
        return method(self, image, **arguments)


def test_series_hold_the_rows_that_have_accuracies():
    values = np.array([0.70, 0.65, 0.72])
    replicas = [
        {"ours": {"accuracy_5": a}, "twin": {"accuracy_5": a - 0.1}, "machine": {"nll": 1.0}} for a in values
    ]
    lines = series(replicas, [5], "pretrained")
    assert list(lines) == ["pretrained", "twin"]
    assert lines["twin"][1][0] == pytest.approx(values.mean() - 0.1)
    assert lines["twin"][2][0] == pytest.approx(values.std(ddof=1) / np.sqrt(3))
    assert series(replicas[:1], [5], "pretrained")["twin"] == ([5], [pytest.approx(0.6)], [0.0])  # nothing to show


def test_accuracies_are_those_of_the_model_or_of_what_else_predicts():
    batch = {"image": np.zeros((4, 1)), "label": np.array([0, 1, 0, 1])}
    expected = {"accuracy_1": 0.75, "accuracy_5": 1}
    assert validate(Trained(), batch) == accuracies(Trained(), batch) == expected

    def ones(model, image, count):
        return np.ones(len(image), int)

    assert (
        validate(Trained(), batch, ones)
        == accuracies(Trained(), batch, ones)
        == {"accuracy_1": 0.5, "accuracy_5": 0.5}
    )
