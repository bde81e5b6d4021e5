"""Classifiers on a draw of few labels, by hand."""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from deeplearn.baselines.few_labels import drawn, few_label_accuracies


def test_drawn_are_those_of_low_rank():
    pool = {"image": np.arange(24.0).reshape(6, 2, 2), "label": np.array([0, 0, 0, 1, 1, 1])}
    x, y = drawn(pool, np.array([2, 0, 1, 1, 2, 0]), 1)
    np.testing.assert_array_equal(x, pool["image"][[1, 5]].reshape(2, 4))
    np.testing.assert_array_equal(y, [0, 1])


def test_classifiers_are_fitted_to_the_draw_of_each_count():
    # The nearest neighbour of 1 is 0 of class 0 among the first of each class, 2 of class 1 among all four.
    pool = {"image": np.array([[0.0], [9.0], [7.0], [1.2]]), "label": np.array([0, 0, 1, 1])}
    test = {"image": np.array([[1.0], [7.9]]), "label": np.array([1, 1])}
    found = few_label_accuracies(KNeighborsClassifier(1), pool, np.array([0, 1, 0, 1]), test, [1, 2])
    assert found == {"accuracy_1": 0.5, "accuracy_2": 1.0}
