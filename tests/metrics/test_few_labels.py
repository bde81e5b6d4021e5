"""The verdict on pretraining: paired over draws, with Student's interval."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from deeplearn.metrics.few_labels import accuracies, chosen, fitted_accuracies, gains, series, validate, verdicts

OURS = np.array([0.70, 0.65, 0.72, 0.60, 0.68])


def replicas(rival):
    return [
        {"accuracy_5": a, "twin": {"accuracy_5": b}, "machine": {"nll": 1.0}}
        for a, b in zip(OURS, rival, strict=True)
    ]


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [
        ([0.03, 0.04, 0.02, 0.05, 0.03], "a clear gain"),
        ([-0.03, -0.04, -0.02, -0.05, -0.03], "a clear loss"),
        ([0.03, -0.04, 0.02, -0.05, 0.09], "no clear gain"),
        ([0.01, 0.08, 0.02, 0.01, 0.00], "no clear gain"),
    ],
)
def test_a_gain_is_clear_where_the_paired_t_test_says_so(difference, verdict):
    rival = OURS - np.array(difference)
    ((title, text),) = verdicts(replicas(rival), "twin", [5]).items()
    assert text.endswith(verdict) and "5 labels a class" in title
    assert (ttest_rel(OURS, rival).pvalue < 0.05) == verdict.startswith("a clear")
    mean, error = gains(replicas(rival), "twin", [5])[5]
    assert mean / error == pytest.approx(ttest_rel(OURS, rival).statistic)


def test_one_draw_has_no_verdict():
    (text,) = verdicts(replicas(OURS - 0.1)[:1], "twin", [5]).values()
    assert text == "+0.100, one seed: no error, no verdict"


def test_series_hold_those_that_have_accuracies():
    lines = series(replicas(OURS - 0.1), "ours", [5])
    assert list(lines) == ["ours", "twin"]
    assert lines["twin"][1][0] == pytest.approx(OURS.mean() - 0.1)


def test_chosen_are_those_of_low_rank():
    pool = {"image": np.arange(24.0).reshape(6, 2, 2), "label": np.array([0, 0, 0, 1, 1, 1])}
    x, y = chosen(pool, np.array([2, 0, 1, 1, 2, 0]), 1)
    np.testing.assert_array_equal(x, pool["image"][[1, 5]].reshape(2, 4))
    np.testing.assert_array_equal(y, [0, 1])


def test_classifiers_are_fitted_to_the_draw_of_each_count():
    from sklearn.neighbors import KNeighborsClassifier

    # The nearest neighbour of 1 is 0 of class 0 among the first of each class, 2 of class 1 among all four.
    pool = {"image": np.array([[0.0], [9.0], [7.0], [1.2]]), "label": np.array([0, 0, 1, 1])}
    test = {"image": np.array([[1.0], [7.9]]), "label": np.array([1, 1])}
    found = fitted_accuracies(lambda: KNeighborsClassifier(1), pool, np.array([0, 1, 0, 1]), test, [1, 2])
    assert found == {"accuracy_1": 0.5, "accuracy_2": 1.0}


SAID = {
    ("heads", 1): [0, 1, 1, 1],
    ("heads", 5): [0, 1, 0, 1],
    ("scratch", 1): [1, 0, 1, 0],
    ("scratch", 5): [0, 0, 0, 0],
}


class Trained:
    """A model and its run in one, for numbers of labels that `SAID` has guesses for."""

    labels = (1, 5)

    @property
    def model(self):
        return self

    def over(self, method, image, **arguments):
        return method(self, image, **arguments)


def test_accuracies_are_of_the_networks_and_the_guesses_that_are_named():
    def guess(model, image, network, count):
        return np.array(SAID[network, count])

    batch = {"image": np.zeros((4, 1)), "label": np.array([0, 1, 0, 1])}
    found = validate(Trained(), batch, ("heads", "scratch"), guess)
    assert found == {
        "heads_accuracy_1": 0.75, "heads_accuracy_5": 1, "scratch_accuracy_1": 0, "scratch_accuracy_5": 0.5,
    }  # fmt: skip
    assert accuracies(Trained(), batch, "heads", guess) == {"accuracy_1": 0.75, "accuracy_5": 1}
