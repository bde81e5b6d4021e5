"""Accuracies by labels a class, and verdicts on pretraining."""

import numpy as np
import pytest

from deeplearn.metrics.few_labels import accuracies, series, validate, verdicts
from deeplearn.metrics.verdict import verdict

OURS = np.array([0.70, 0.65, 0.72, 0.60, 0.68])


def replicas(rival):
    return [
        {"accuracy_5": a, "twin": {"accuracy_5": b}, "machine": {"nll": 1.0}}
        for a, b in zip(OURS, rival, strict=True)
    ]


@pytest.mark.parametrize("difference", [[0.03, 0.04, 0.02, 0.05, 0.03], [0.03, -0.04, 0.02, -0.05, 0.09]])
def test_verdicts_are_on_differences_that_are_paired_over_replicas(difference):
    rival = OURS - np.array(difference)
    assert verdicts(replicas(rival), "twin", [5]) == {
        "pretrained beats twin, 5 labels a class": verdict([a - b for a, b in zip(OURS, rival, strict=True)])
    }


def test_series_hold_those_that_have_accuracies():
    lines = series(replicas(OURS - 0.1), "ours", [5])
    assert list(lines) == ["ours", "twin"]
    assert lines["twin"][1][0] == pytest.approx(OURS.mean() - 0.1)


SAID = {
    ("heads", 1): [0, 1, 1, 1],
    ("heads", 5): [0, 1, 0, 1],
    ("scratch", 1): [1, 0, 1, 0],
    ("scratch", 5): [0, 0, 0, 0],
}


class Trained:
    """A model and its run in one, for numbers of labels that `SAID` has predictions for."""

    labels = (1, 5)

    @property
    def model(self):
        return self

    def over(self, method, image, **arguments):
        return method(self, image, **arguments)


def test_accuracies_are_of_the_networks_and_the_guesses_that_are_named():
    def predict(model, image, network, count):
        return np.array(SAID[network, count])

    batch = {"image": np.zeros((4, 1)), "label": np.array([0, 1, 0, 1])}
    found = validate(Trained(), batch, ("heads", "scratch"), predict)
    assert found == {
        "heads_accuracy_1": 0.75, "heads_accuracy_5": 1, "scratch_accuracy_1": 0, "scratch_accuracy_5": 0.5,
    }  # fmt: skip
    assert accuracies(Trained(), batch, "heads", predict) == {"accuracy_1": 0.75, "accuracy_5": 1}
