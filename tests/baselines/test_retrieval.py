"""Retrieval where the answer is known, and against scikit-learn's precision."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from deeplearn.baselines.retrieval import COLOURS, KEPT, PCA, PIXELS, Retrieval, Task, retrieval, retrieval_task
from deeplearn.data import Arrays, Dataset
from deeplearn.data.description import describe, stand_in
from deeplearn.errors import UserError
from deeplearn.nn.functional import flat

RNG = np.random.default_rng(0)
CLASSES = 6


def split(label, noise=0.3):
    """Class c is bright in pixel c, the more so the less noise there is."""
    image = np.eye(9, dtype=np.float32)[label] + noise * RNG.random((len(label), 9), np.float32)
    return Arrays({"image": image.reshape(-1, 3, 3, 1), "label": label.astype(np.int32)})


def dataset(train, test, **noise):
    names = tuple("abcdef")
    return Dataset("bright", split(train, **noise), split(test), split(test, **noise), classes=names, levels=256)


TRAIN, TEST = np.arange(60) % CLASSES, np.arange(30) % CLASSES


def test_metrics_are_brute_force_s():
    task = Task(*(split(label, noise=2.0).arrays() for label in (TRAIN, TEST)))
    found = retrieval(flat, task)
    x, y = (flat(part["image"]).astype(np.float64) for part in (task.gallery, task.queries))
    precisions, first, five, votes = [], [], [], []
    for vector, label in zip(y, TEST, strict=True):
        cosine = x @ vector / np.linalg.norm(x, axis=1) / np.linalg.norm(vector)
        order = np.argsort(-cosine)
        precisions.append(average_precision_score(label == TRAIN, cosine))
        first.append(TRAIN[order[0]] == label)
        five.append(label in TRAIN[order[:5]])
        votes.append(np.bincount(TRAIN[order[:5]]).argmax() == label)
        np.testing.assert_array_equal(found.arrays["nearest"][len(votes) - 1], order[:KEPT])
    assert found.metrics["map"] == pytest.approx(np.mean(precisions))
    assert found.metrics["recall_at_1"] == pytest.approx(np.mean(first))
    assert found.metrics["recall_at_5"] == pytest.approx(np.mean(five))
    assert found.metrics["knn_accuracy"] == pytest.approx(np.mean(votes))
    assert 0.2 < found.metrics["map"] < 0.95  # neither by chance nor too easy to tell


def test_perfect_vectors_are_perfect_and_equal_ones_are_chance():
    task = Task(*(split(label, noise=0.0).arrays() for label in (TRAIN, TEST)))
    assert set(retrieval(flat, task).metrics.values()) == {1.0}
    equal = retrieval(lambda image: np.ones((len(image), 2)), task).metrics
    assert equal["map"] == pytest.approx(1 / CLASSES)


def test_a_task_has_its_classes_and_queries_that_have_an_answer(monkeypatch):
    data = dataset(TRAIN[TRAIN != 3], TEST)
    task = retrieval_task(data, np.array([1, 3, 5]))
    assert set(task.gallery["label"]) == set(task.queries["label"]) == {1, 5}
    assert len(task.gallery["label"]) == 20 and len(task.queries["label"]) == 10
    assert retrieval_task(data, np.array([3])) is None and retrieval_task(data, np.array([], int)) is None
    monkeypatch.setattr("deeplearn.baselines.retrieval.GALLERY", 7)
    assert len(retrieval_task(data, np.array([1, 5])).gallery["label"]) == 7


def test_classes_learned_and_others_are_searched_apart():
    search = Retrieval(dataset(TRAIN, TEST, noise=0.0), np.arange(CLASSES) % 2 == 0)
    assert set(search.tasks["seen"].gallery["label"]) == {0, 2, 4}
    assert set(search.tasks["unseen"].queries["label"]) == {1, 3, 5}
    rows = {row: thunk().metrics for row, thunk in search.without_network(4).items()}
    assert list(rows) == [PIXELS, COLOURS, PCA]
    assert rows[PIXELS]["unseen_map"] == rows[PIXELS]["seen_map"] == 1
    # The components are those of seen classes, on which unseen ones hardly differ.
    assert rows[PCA]["seen_map"] == 1 and rows[PCA]["unseen_map"] < 1
    # All classes have the same colours, in other places.
    assert rows[COLOURS]["unseen_map"] == pytest.approx(1 / 3)
    assert list(Retrieval(dataset(TRAIN, TEST), np.ones(CLASSES, bool)).tasks) == ["seen"]


def test_nothing_to_find_is_a_sentence():
    search = Retrieval(dataset(TRAIN % 2, 2 + TEST % 2), np.ones(CLASSES, bool))
    with pytest.raises(UserError, match="no test picture of bright has a training picture alike"):
        search.need()
    described = stand_in(describe(dataset(TRAIN, TEST)))
    Retrieval(described, np.ones(CLASSES, bool)).need()  # its rows are not there to be asked
