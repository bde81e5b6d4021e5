"""A pool of labelled examples, the same number of each class: where few labels are drawn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.split import Arrays, Split
from deeplearn.errors import UserError


def balanced_pool(split: Split, classes: int, limit: int, scan: int = 20_000) -> Arrays:
    """The first n examples of each class among the split's first `scan`, ordered by class.

    n is `limit`, or the size of the rarest class if that is smaller. Columns "image", "label" and "row": int32, the
    example's place in the pool, so that `row // n` is its class. UserError where a class has none.
    """
    arrays = split.arrays(scan)
    counts = np.bincount(arrays["label"], minlength=classes)
    each = min(limit, int(counts.min()))
    if not each:
        raise UserError(f"class {int(counts.argmin())} has no training example: labels are drawn from every class")
    rows = np.concatenate([np.flatnonzero(arrays["label"] == c)[:each] for c in range(classes)])
    row = np.arange(len(rows), dtype=np.int32)
    return Arrays({"image": arrays["image"][rows], "label": arrays["label"][rows], "row": row})


def few_label_pool(dataset: Dataset, counts: Sequence[int]) -> Arrays:
    """The pool of labelled training images from which the numbers `counts` of labels a class are drawn.

    It has a hundred of each class, or more where more are asked for, if there are so many.
    """
    return balanced_pool(dataset.train, len(dataset.classes), max(100, *counts))
