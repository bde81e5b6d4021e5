"""Baselines without a network."""

import numpy as np

from deeplearn.data import Arrays, Dataset
from deeplearn.metrics.classical import classical_accuracy


def split(rng, rows, noise):
    """Images of two classes, told apart by the first pixel alone."""
    label = (np.arange(rows) % 2).astype(np.int32)
    image = rng.normal(size=(rows, 2, 2, 1)).astype(np.float32)
    image[:, 0, 0, 0] = 8.0 * label
    label = np.where(rng.uniform(size=rows) < noise, 1 - label, label)
    return Arrays({"image": image, "label": label})


def test_neighbours_are_chosen_on_validation_and_counted_on_test():
    from sklearn.neighbors import KNeighborsClassifier

    rng = np.random.default_rng(0)
    # A third of the training labels is wrong: more neighbours outvote them, one does not.
    dataset = Dataset("two", split(rng, 300, 0.3), split(rng, 200, 0.0), split(rng, 200, 0.0))
    rows = classical_accuracy(dataset)
    train, test = dataset.train.arrays(), dataset.test.arrays()
    five = KNeighborsClassifier(5).fit(train["image"].reshape(300, -1), train["label"])
    assert rows["k nearest neighbours"]["accuracy"] == five.score(test["image"].reshape(200, -1), test["label"])
    assert rows["logistic regression"]["accuracy"] == 1.0
    assert set(rows) == {"logistic regression", "k nearest neighbours", "RBF SVM"}
