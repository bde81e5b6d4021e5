"""Pictures found by their vectors: are those nearest to a picture of its class?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from deeplearn.baselines.classical import estimator, fit_quietly
from deeplearn.baselines.probe import linear_probe
from deeplearn.data import Dataset
from deeplearn.data.classes import labels_of
from deeplearn.data.split import Batch, Split
from deeplearn.measured import Measured
from deeplearn.metrics.ranking import average_precision, cosines, found_at

GALLERY, QUERIES = 2000, 1000  # pictures at most
NEIGHBOURS = 5  # that vote
KEPT = 8  # nearest pictures kept for figures

Encode = Callable[[np.ndarray], Any]  # images [N, H, W, C] -> vectors [N, D]


class Task(NamedTuple):
    """Columns "image" and "label" of the pictures that are searched, and of those by which they are."""

    gallery: Batch
    queries: Batch


def retrieval_task(dataset: Dataset, classes: np.ndarray) -> Task | None:
    """Training pictures of the classes (numbers [n]) as the gallery; as queries test pictures that have one alike there.

    At most 2,000 and 1,000, evenly spaced over the splits. None where no test picture has one alike.
    """
    gallery = _spaced(dataset.train, classes, GALLERY)
    if gallery is None:
        return None
    queries = _spaced(dataset.test, np.intersect1d(classes, gallery["label"]), QUERIES)
    return None if queries is None else Task(gallery, queries)


def _spaced(split: Split, classes: np.ndarray, limit: int) -> Batch | None:
    rows = np.flatnonzero(np.isin(labels_of(split), classes))
    if not len(rows):
        return None
    found = split.gather(rows[np.linspace(0, len(rows) - 1, min(limit, len(rows))).round().astype(int)])
    return {name: found[name] for name in ("image", "label")}


def retrieval(encode: Encode, task: Task, prefix: str = "") -> Measured:
    """How well vectors find pictures of a query's class, by their cosines.

    Metrics, their names after `prefix`: `map`, mean average precision; `recall_at_1` and `recall_at_5`, the fraction
    of queries with one alike among so many nearest; `knn_accuracy`, of the vote of the 5 nearest; `probe`, the
    accuracy of a logistic regression fitted to the gallery's pictures of classes that queries have.
    Arrays: `vectors` [queries, D], `nearest` [queries, at most 8], numbers of the nearest pictures in the gallery.
    """
    vectors, found = (np.asarray(encode(part["image"])) for part in (task.queries, task.gallery))
    label, of_found = task.queries["label"], task.gallery["label"]
    scores, alike = cosines(vectors, found), label[:, None] == of_found
    asked = np.isin(of_found, label)
    voters = estimator("KNeighborsClassifier", n_neighbors=NEIGHBOURS, metric="cosine")
    metrics = {
        "map": average_precision(alike, scores).mean(),
        "recall_at_1": found_at(1, alike, scores).mean(),
        "recall_at_5": found_at(5, alike, scores).mean(),
        "knn_accuracy": fit_quietly(voters, found, of_found).score(vectors, label),
        "probe": linear_probe(found[asked], of_found[asked], vectors, label),
    }
    nearest = np.argsort(-scores, axis=1, kind="stable")[:, :KEPT]
    return Measured(
        {prefix + name: float(value) for name, value in metrics.items()}, {"vectors": vectors, "nearest": nearest}
    )
