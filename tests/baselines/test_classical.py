"""Baselines without a network."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from deeplearn.baselines.classical import best_of, chosen, classical, estimator, fit_quietly, fitted, labelled, mlp
from deeplearn.data import Arrays, Dataset


def split(rng, rows, noise):
    """Images of two classes, distinguished by the first pixel alone."""
    label = (np.arange(rows) % 2).astype(np.int32)
    image = rng.normal(size=(rows, 2, 2, 1)).astype(np.float32)
    image[:, 0, 0, 0] = 8.0 * label
    label = np.where(rng.uniform(size=rows) < noise, 1 - label, label)
    return Arrays({"image": image, "label": label})


@pytest.fixture(name="two")
def two_classes():
    """A third of the training labels is wrong: several neighbours outvote them, one does not."""
    rng = np.random.default_rng(0)
    return Dataset("two", split(rng, 300, 0.3), split(rng, 200, 0.0), split(rng, 200, 0.0))


def test_neighbours_are_chosen_on_validation_and_counted_on_test(two):
    rows = classical(two)
    assert list(rows) == ["logistic regression", "k nearest neighbours", "RBF SVM"]
    train, test = two.train.arrays(), two.test.arrays()
    five = KNeighborsClassifier(5).fit(train["image"].reshape(300, -1), train["label"])
    found = rows["k nearest neighbours"]().metrics
    assert found == {"accuracy": five.score(test["image"].reshape(200, -1), test["label"]), "n_neighbors": 5}
    assert rows["logistic regression"]().metrics["accuracy"] == 1.0
    assert set(rows["RBF SVM"]().metrics) == {"accuracy", "C"}


def test_a_limit_is_a_metric_and_no_part_of_the_name(two):
    row = classical(two, limit=100)["k nearest neighbours"]()
    assert row.metrics["examples"] == 100


def test_nothing_is_fitted_before_a_thunk_is_called_and_each_fails_alone(two):
    class Broken(KNeighborsClassifier):
        def fit(self, x, y):
            raise RuntimeError("broken")

    rows = fitted(two, {"broken": Broken(), "five": KNeighborsClassifier(5)})
    with pytest.raises(RuntimeError, match="broken"):
        rows["broken"]()
    assert rows["five"]().metrics["accuracy"] > 0.5


def test_the_best_on_validation_is_chosen_the_first_of_equals(two):
    train, validation = labelled(two.train), labelled(two.validation)
    candidates = [KNeighborsClassifier(k) for k in (1, 25, 25)]
    best = best_of(candidates, train, validation)
    assert best is candidates[1]
    assert best.score(*validation) > candidates[0].score(*validation)


def test_a_classifier_is_fitted_to_the_first_training_images_and_scored_on_test():
    rng = np.random.default_rng(0)
    train = split(rng, 300, 0.0).arrays()
    label = train["label"].copy()
    label[100:] = 1 - label[100:]  # only the first hundred are labelled rightly
    dataset = Dataset("two", Arrays({**train, "label": label}), split(rng, 200, 1.0), split(rng, 200, 0.0))
    five = KNeighborsClassifier(5)
    row = fitted(dataset, {"five": five}, limit=100, metric="accuracy_all")["five"]()
    assert row.metrics == {"accuracy_all": 1.0, "examples": 100}
    assert not hasattr(five, "classes_")  # a copy was fitted
    assert fitted(dataset, {"five": five})["five"]().metrics["accuracy"] < 0.3


def test_seeds_give_a_mean_and_its_error(two):
    (row,) = mlp(two, (3,), seeds=3, max_iter=5).values()
    train, test = labelled(two.train), labelled(two.test)
    models = [MLPClassifier((3,), max_iter=5, random_state=seed) for seed in range(3)]
    scores = [fit_quietly(model, *train).score(*test) for model in models]
    found = row().metrics["accuracy"]
    assert found["mean"] == pytest.approx(np.mean(scores))
    assert found["stderr"] == pytest.approx(np.std(scores, ddof=1) / np.sqrt(3))


def test_settings_are_chosen_for_each_subset(two):
    subsets = {"accuracy_1": np.array([0, 1]), "accuracy_300": np.arange(300)}
    candidates = [KNeighborsClassifier(k) for k in (1, 2, 25)]
    rows = chosen(two, {"neighbours": [candidates[0]]}, subsets=subsets)
    assert set(rows["neighbours"]().metrics) == set(subsets)
    x, label = labelled(two.train)
    # Of two examples both vote where 25 neighbours are wanted; of 300 there are 25 all the same.
    all_vote = chosen(two, {"neighbours": candidates[2:]}, subsets=subsets)["neighbours"]().metrics
    assert all_vote["accuracy_1"] == KNeighborsClassifier(2).fit(x[:2], label[:2]).score(*labelled(two.test))
    assert all_vote["accuracy_300"] == KNeighborsClassifier(25).fit(x, label).score(*labelled(two.test))
    expected = best_of(candidates, (x, label), labelled(two.validation)).score(*labelled(two.test))
    found = chosen(two, {"k": candidates}, subsets={"accuracy_300": np.arange(300)})["k"]()
    assert found.metrics == {"accuracy_300": expected}


def test_estimators_go_by_the_names_of_their_classes():
    assert estimator("KNeighborsClassifier", n_neighbors=7).n_neighbors == 7
    with pytest.raises(ValueError, match="no classifier 'SVM': choose from"):
        estimator("SVM")


def test_of_one_class_alone_that_class_is_predicted(two):
    train = two.train.arrays()
    ones = Arrays({**train, "label": np.ones_like(train["label"])})
    rows = classical(Dataset("one", ones, two.validation, two.test))
    fraction = two.test.arrays()["label"].mean()
    assert {name: row().metrics["accuracy"] for name, row in rows.items()} == dict.fromkeys(rows, fraction)


def test_settings_that_one_class_cannot_choose_are_fitted_to_all_classes():
    """The trial has one class alone, the whole two."""
    rng = np.random.default_rng(0)
    columns = split(rng, 200, 0.0).arrays()
    ordered = Arrays({key: column[np.argsort(columns["label"])] for key, column in columns.items()})
    dataset = Dataset("ordered", ordered, split(rng, 50, 0.0), split(rng, 50, 0.0))
    rows = chosen(dataset, {"k": [KNeighborsClassifier(k) for k in (1, 3)]}, trial=60)
    assert rows["k"]().metrics == {"accuracy": 1.0, "n_neighbors": 1}
