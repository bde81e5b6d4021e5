"""The temperature against where labels come from, and against scikit-learn's logistic regression of one weight."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from deeplearn.judge.temperature import fitted_temperature


@pytest.mark.parametrize("true", [0.5, 3.0])
def test_it_is_the_one_that_the_labels_were_drawn_with(true):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (20_000, 5))
    probabilities = softmax(logits / true, axis=-1)
    labels = (probabilities.cumsum(-1) < rng.uniform(size=(len(logits), 1))).sum(-1)
    assert fitted_temperature(logits, labels) == pytest.approx(true, rel=0.03)


def test_of_two_classes_it_is_one_over_the_weight_of_a_logistic_regression():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(500, 2))
    labels = (logits[:, 1] - logits[:, 0] + rng.logistic(size=500) > 0).astype(int)
    # Each label counts as right with probability 501 / 502, else as the other class.
    x, weight = logits[:, 1:] - logits[:, :1], np.repeat([501 / 502, 1 / 502], 500)
    regression = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10)
    regression.fit(np.concatenate([x, x]), np.concatenate([labels, 1 - labels]), weight)
    assert fitted_temperature(logits, labels) == pytest.approx(1 / regression.coef_.item(), rel=1e-4)


def test_of_one_class_or_none_that_errs_it_is_finite():
    assert fitted_temperature(np.zeros((4, 1)), np.zeros(4, int)) == 1
    sure = 10 * np.eye(3)[[0, 1, 2, 0]]
    temperature = fitted_temperature(sure, np.array([0, 1, 2, 0]))
    # At the optimum the likeliest class has exactly Platt's probability (N + 1) / (N + 2).
    assert softmax(sure / temperature, axis=-1).max(-1) == pytest.approx(5 / 6, rel=1e-4)
