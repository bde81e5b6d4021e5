"""Vectors of sentences without a network against their definitions, in loops and numpy's decomposition."""

import math
from collections import Counter

import numpy as np
import pytest

from deeplearn.baselines import sentences as module
from deeplearn.baselines.cooccurrence import ppmi_vectors
from deeplearn.baselines.sentences import rows_of, sentence_baselines
from deeplearn.data import Arrays, Dataset
from deeplearn.data.forms import sentences
from deeplearn.measured import Measured

WORDS = ["red", "green", "blue", "cat", "dog", "house", "sees", "eats", "small", "tall"]


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(0)

    def split(count):
        texts = [
            " ".join(rng.choice(WORDS, rng.integers(2, 7), p=rng.dirichlet(np.ones(10)))) for _ in range(count)
        ]
        return Arrays({"text": np.array(texts, object), "closeness": np.zeros(count, np.float32)})

    return sentences(Dataset("small", split(60), split(20), split(30)), None)


def found(dataset, row, score=lambda vectors: 0.0):
    """Vectors of test by a row whose dimensions have the best score on validation, and its metrics."""

    def measure(vectors, split):
        return Measured({"score": score(vectors(split))}, {"vectors": vectors(split)})

    row = sentence_baselines(dataset, measure, "score")[row]()
    return row.arrays["vectors"], row.metrics


def table(dataset, texts):
    """TF-IDF as scikit-learn's guide defines it: (1 + ln tf) (ln((1 + n) / (1 + df)) + 1), rows of length 1."""
    train = [set(text.split()) for text in dataset.train.arrays()["text"]]
    known = sorted({word for text in train for word in text})
    rare = {word: math.log((1 + len(train)) / (1 + sum(word in one for one in train))) + 1 for word in known}
    rows = []
    for text in texts:
        counts = Counter(text.split())
        rows.append([(1 + math.log(counts[word])) * rare[word] if counts[word] else 0 for word in known])
    rows = np.array(rows)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_tf_idf_is_that_of_its_definition(dataset):
    vectors, _ = found(dataset, "TF-IDF")
    wanted = table(dataset, dataset.test.arrays()["text"])
    np.testing.assert_allclose(vectors @ vectors.T, wanted @ wanted.T, atol=1e-5)


def test_latent_semantic_analysis_projects_on_the_first_singular_vectors(dataset, monkeypatch):
    monkeypatch.setattr(module, "DIMENSIONS", (2, 4, 6))
    best = {2: 0, 4: 1, 6: -1}
    vectors, metrics = found(dataset, "latent semantic analysis", lambda vectors: best[vectors.shape[1]])
    assert vectors.shape[1] == metrics["dimensions"] == 4
    right = np.linalg.svd(table(dataset, dataset.train.arrays()["text"]))[2][:4]
    wanted = table(dataset, dataset.test.arrays()["text"]) @ right.T
    np.testing.assert_allclose(vectors @ vectors.T, wanted @ wanted.T, atol=1e-3)


def test_averages_are_those_of_a_loop(dataset, monkeypatch):
    monkeypatch.setattr(module, "DIMENSIONS", (5,))
    train = [dataset.vocabulary.ids(text) for text in dataset.train.arrays()["text"]]
    running = np.concatenate([[*ids, -1] for ids in train])
    words = ppmi_vectors(running, len(dataset.vocabulary), module.WINDOW, 5)
    plain, _ = found(dataset, "averaged word vectors")
    test = [dataset.vocabulary.ids(text) for text in dataset.test.arrays()["text"]]
    np.testing.assert_allclose(plain, [words[ids].mean(0) for ids in test], atol=1e-12)

    counts = np.bincount(np.concatenate(train), minlength=len(words))
    weight = 1e-3 / (1e-3 + counts / counts.sum())

    def mean(ids):
        return sum(weight[one] * words[one] for one in ids) / len(ids)

    common = np.linalg.svd(np.array([mean(ids) for ids in train]))[2][0]
    wanted = [mean(ids) - common * (common @ mean(ids)) for ids in test]
    weighted, _ = found(dataset, "SIF")
    np.testing.assert_allclose(weighted, wanted, atol=1e-12)


def test_rows_that_are_measured_are_the_first(dataset, monkeypatch):
    monkeypatch.setattr(module, "LIMIT", 7)
    assert len(rows_of(dataset, "test")["text"]) == 7
