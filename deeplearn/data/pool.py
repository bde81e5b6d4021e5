"""A pool of labelled examples with equally many of each class, from which few labels are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.split import Split
from deeplearn.data.subsets import Chosen
from deeplearn.errors import UserError


def balanced_rows(split: Split, classes: int, limit: int, scan: int = 20_000) -> np.ndarray:
    """The indices of the first n examples of each class among the split's first `scan`, by class: [classes · n].

    n is `limit`, or the size of the rarest class if that is smaller. UserError where a class has none.
    """
    label = split.arrays(scan)["label"]
    counts = np.bincount(label, minlength=classes)
    each = min(limit, int(counts.min()))
    if not each:
        raise UserError(f"class {int(counts.argmin())} has no training example: labels are drawn from every class")
    return np.concatenate([np.flatnonzero(label == c)[:each] for c in range(classes)])


def few_label_pool(dataset: Dataset, counts: Sequence[int]) -> Chosen:
    """The pool of labelled training images from which the numbers `counts` of labels per class are drawn.

    It has a hundred of each class, or more where `counts` needs more, if there are that many, ordered by class.
    Columns "image", "label" and "row": int32, the example's index in the pool, so that `row // n` is its class.
    """
    limit, classes = max(100, *counts), len(dataset.classes)
    rows = dataset.fact(f"{limit} rows a class", lambda: balanced_rows(dataset.train, classes, limit))
    return Chosen(dataset.train, rows, ("image", "label"), place="row")
