"""Vectors of sentences that no network makes: TF-IDF, latent semantic analysis, and averages of word vectors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deeplearn.baselines.classical import Thunks
from deeplearn.baselines.cooccurrence import ppmi_vectors
from deeplearn.data import Dataset
from deeplearn.measured import Measured

WORDS = 4096  # the most frequent ones are TF-IDF's
DIMENSIONS = (16, 32, 64, 128, 256)
WINDOW = 5  # words on either side that count as near
SMOOTHING = 1e-3  # a of SIF's weight
LIMIT = 10_000  # rows of a split that are measured

Rows = Mapping[str, np.ndarray]
Encode = Callable[[Rows], np.ndarray]  # rows with `text` and `tokens` -> vectors [N, D]
Vectors = Callable[[str], np.ndarray]  # the name of a split -> vectors of its `rows_of`
Measure = Callable[[Vectors, str], Measured]  # on a split


def rows_of(dataset: Dataset, split: str) -> Rows:
    """The rows of a split that are measured: its first LIMIT."""
    found: Rows = getattr(dataset, split).arrays(LIMIT)
    return found


def sentence_baselines(dataset: Dataset, measure: Measure, choose: str) -> Thunks:
    """{row: thunk} of methods fitted to the training sentences and measured on test.

    "TF-IDF": words weighted by how rare they are. "latent semantic analysis": its truncated SVD (Deerwester et al.
    1990). "averaged word vectors": the mean of the words' `ppmi_vectors`. "SIF": the mean weighted by
    a / (a + p(word)), without its projection on the first singular vector of the training sentences (Arora et al.
    2017, algorithm 1). The number of dimensions is that with the largest metric `choose` on validation, and a
    metric of the row.
    """
    train = dataset.train.arrays()

    def of(encode: Encode) -> Vectors:
        return lambda split: encode(rows_of(dataset, split))

    def best(encoders: Mapping[int, Encode]) -> Measured:
        by = {count: of(encode) for count, encode in encoders.items()}
        dimensions = max(by, key=lambda count: measure(by[count], "validation").metrics[choose])
        found = measure(by[dimensions], "test")
        return Measured({**found.metrics, "dimensions": dimensions}, found.arrays)

    def tf_idf() -> Measured:
        counter = _tf_idf(dataset, train["text"])
        return measure(of(lambda rows: counter.transform(rows["text"]).toarray()), "test")

    def analysis() -> Measured:
        from sklearn.decomposition import TruncatedSVD

        counter = _tf_idf(dataset, train["text"])
        table = counter.transform(train["text"])
        largest = min(*table.shape, DIMENSIONS[-1])
        found = TruncatedSVD(largest, random_state=0).fit(table)

        def encode(rows: Rows, count: int) -> np.ndarray:
            return np.asarray(found.transform(counter.transform(rows["text"])))[:, :count]

        return best({count: functools.partial(encode, count=count) for count in _counts(largest)})

    def averaged() -> Measured:
        vectors = _word_vectors(dataset, train)
        return best({count: functools.partial(_mean, vectors[:, :count]) for count in _counts(vectors.shape[1])})

    def weighted() -> Measured:
        vectors, tokens = _word_vectors(dataset, train), _inside(train)
        share = np.bincount(tokens[tokens >= 0], minlength=len(vectors)) / (tokens >= 0).sum()
        vectors *= (SMOOTHING / (SMOOTHING + share))[:, None]
        return best({count: _without_common(vectors[:, :count], train) for count in _counts(vectors.shape[1])})

    return {
        "TF-IDF": tf_idf,
        "latent semantic analysis": analysis,
        "averaged word vectors": averaged,
        "SIF": weighted,
    }


def _counts(largest: int) -> list[int]:
    return sorted({min(count, largest) for count in DIMENSIONS})


def _tf_idf(dataset: Dataset, texts: np.ndarray) -> Any:
    """scikit-learn's counter of the data set's own tokens, fitted to texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vocabulary: Any = dataset.vocabulary
    counter = TfidfVectorizer(analyzer=vocabulary.cut, max_features=WORDS, sublinear_tf=True, dtype=np.float32)
    return counter.fit([text for text in texts if text] or ["-"])


def _inside(rows: Rows) -> np.ndarray:
    """Tokens [N, time], −1 beyond the end of a sentence."""
    tokens = rows["tokens"]
    return np.where(np.arange(tokens.shape[1]) < rows["length"][:, None], tokens, -1)


def _word_vectors(dataset: Dataset, train: Rows) -> np.ndarray:
    assert dataset.vocabulary is not None  # tokens have one
    size = len(dataset.vocabulary)
    ids = np.pad(_inside(train), ((0, 0), (0, 1)), constant_values=-1).reshape(-1)
    return ppmi_vectors(ids, size, WINDOW, max(1, min(DIMENSIONS[-1], size - 1)))


def _mean(vectors: np.ndarray, rows: Rows) -> np.ndarray:
    """The sum over a sentence, divided by its length: [N, D]."""
    tokens = _inside(rows)
    found = np.zeros((len(tokens), vectors.shape[1]))
    for column in tokens.T:  # not all at once: [N, time, D] is large
        found += np.where(column[:, None] >= 0, vectors[column], 0)
    return found / np.maximum(rows["length"], 1)[:, None]


def _without_common(vectors: np.ndarray, train: Rows) -> Encode:
    """Means of sentences without what they all have in common."""
    means = _mean(vectors, train)
    common = np.linalg.svd(means, full_matrices=False)[2][0]

    def encode(rows: Rows) -> np.ndarray:
        found = _mean(vectors, rows)
        return found - np.outer(found @ common, common)

    return encode
