"""Pictures found by their vectors: are those nearest to a picture of its class?"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from deeplearn.baselines.classical import Thunks, estimator, fit_quietly
from deeplearn.baselines.histograms import colour_histograms
from deeplearn.baselines.pca import fitted_pca
from deeplearn.baselines.probe import linear_probe
from deeplearn.data import Dataset
from deeplearn.data.classes import labels_of
from deeplearn.data.described import DataNeeded
from deeplearn.data.split import Batch, Split
from deeplearn.data.subsets import evenly_spaced
from deeplearn.errors import UserError
from deeplearn.measured import Measured
from deeplearn.metrics.ranking import average_precision, cosine_matrix, found_at
from deeplearn.nn.functional import flat

GALLERY, QUERIES = 2000, 1000  # pictures at most
NEIGHBOURS = 5  # that vote
KEPT = 8  # nearest pictures kept for figures
PIXELS, PCA, COLOURS = "raw pixels", "PCA", "colour histograms"

Encode = Callable[[np.ndarray], Any]  # images [N, H, W, C] -> vectors [N, D]


class Task(NamedTuple):
    """Columns "image" and "label" of the pictures that are searched, and of those by which they are."""

    gallery: Batch
    queries: Batch


class Retrieval:
    """To find training pictures of a test picture's class: of classes that were learned, and of others.

    seen: bool [classes], which were learned. The data are read when they are first needed.
    """

    def __init__(self, dataset: Dataset, seen: np.ndarray) -> None:
        self._dataset, self._seen = dataset, seen

    @functools.cached_property
    def tasks(self) -> dict[str, Task]:
        """{"unseen", "seen": Task}, those that there are. UserError where there is none."""
        classes = {"unseen": np.flatnonzero(~self._seen), "seen": np.flatnonzero(self._seen)}
        found = {name: retrieval_task(self._dataset, numbers) for name, numbers in classes.items()}
        if not any(found.values()):
            raise UserError(
                f"no test picture of {self._dataset.name} has a training picture alike: there is nothing to find"
            )
        return {name: task for name, task in found.items() if task is not None}

    def need(self) -> None:
        """UserError where there is nothing to find, before training; data without rows are not asked."""
        with contextlib.suppress(DataNeeded):
            _ = self.tasks

    def measured(self, encode: Encode) -> Measured:
        """`retrieval` of each task, as in "unseen_map", and the arrays of the first."""
        rows = {name: retrieval(encode, task) for name, task in self.tasks.items()}
        metrics = {f"{name}_{metric}": value for name, row in rows.items() for metric, value in row.metrics.items()}
        return Measured(metrics, next(iter(rows.values())).arrays)

    def without_network(self, components: int) -> Thunks:
        """{row: thunk} of vectors that no network makes: pixels, their `components` of PCA, colour histograms.

        The components are those of the gallery of learned classes, where there is one.
        """

        def pca() -> Measured:
            known = self.tasks.get("seen", next(iter(self.tasks.values())))
            model = fitted_pca(flat(known.gallery["image"]), components)
            return self.measured(lambda images: model.transform(flat(images)))

        plain = {PIXELS: flat, COLOURS: colour_histograms}
        return {row: functools.partial(self.measured, encode) for row, encode in plain.items()} | {PCA: pca}


def retrieval_task(dataset: Dataset, classes: np.ndarray) -> Task | None:
    """Training pictures of classes, by their numbers [n], as the gallery, and test pictures of them as queries.

    At most 2,000 and 1,000, evenly spaced over the splits. Queries have a picture of their class in the gallery;
    None where none has.
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
    found = evenly_spaced(split, limit, rows)
    return {name: found[name] for name in ("image", "label")}


def retrieval(encode: Encode, task: Task) -> Measured:
    """How well vectors find pictures of a query's class, by their cosines.

    Metrics: `map`, mean average precision; `recall_at_1` and `recall_at_5`, the fraction of queries with one of
    their class among so many nearest; `knn_accuracy`, of the vote of the 5 nearest; `probe`, the accuracy of a
    logistic regression fitted to the gallery's pictures of classes that queries have.
    Arrays: `vectors` [queries, D], `nearest` [queries, at most 8], numbers of the nearest pictures in the gallery.
    """
    vectors, found = (np.asarray(encode(part["image"])) for part in (task.queries, task.gallery))
    label, of_found = task.queries["label"], task.gallery["label"]
    scores, alike = cosine_matrix(vectors, found), label[:, None] == of_found
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
        {name: float(value) for name, value in metrics.items()}, {"vectors": vectors, "nearest": nearest}
    )
