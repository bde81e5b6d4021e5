"""Baselines without a network."""

import numpy as np

from deeplearn.baselines.classical import best_of, classical_accuracy, fitted_accuracy, labelled
from deeplearn.data import Arrays, Dataset


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


def test_the_best_on_validation_is_chosen_the_first_of_equals():
    from sklearn.neighbors import KNeighborsClassifier

    rng = np.random.default_rng(0)
    train, validation = labelled(split(rng, 300, 0.3)), labelled(split(rng, 200, 0.0))
    settings = [KNeighborsClassifier(k) for k in (1, 25, 25)]
    chosen = best_of(settings, train, validation)
    assert chosen is settings[1]
    assert chosen.score(*validation) > settings[0].score(*validation)


def test_a_classifier_is_fitted_to_the_first_training_images_and_scored_on_test():
    from sklearn.neighbors import KNeighborsClassifier

    rng = np.random.default_rng(0)
    train = split(rng, 300, 0.0).arrays()
    label = train["label"].copy()
    label[100:] = 1 - label[100:]  # only the first hundred are labelled rightly
    dataset = Dataset("two", Arrays({**train, "label": label}), split(rng, 200, 1.0), split(rng, 200, 0.0))
    assert fitted_accuracy({"five": KNeighborsClassifier(5)}, dataset, most=100) == {"five": {"accuracy": 1.0}}
    assert fitted_accuracy({"five": KNeighborsClassifier(5)}, dataset)["five"]["accuracy"] < 0.3
