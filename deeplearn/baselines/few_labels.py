"""scikit-learn's classifiers, fitted to the few labels of each class that a run has drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import chex
import numpy as np

from deeplearn.baselines.classical import Labelled, fit_quietly
from deeplearn.nn.functional import flat


def drawn(pool: Mapping[str, np.ndarray], rank: np.ndarray, count: int) -> Labelled:
    """Flat images [n, pixels] and labels [n] of the pool's `count` examples per class that `nn.few_labels` drew.

    pool: {"image": [N, ...], "label": [N]}. rank: [N], the place of each example in its class's order.
    """
    chex.assert_rank([rank, pool["label"]], 1)
    chex.assert_equal_shape([rank, pool["label"]])
    rows = np.flatnonzero(np.asarray(rank) < count)
    return flat(pool["image"][rows]), pool["label"][rows]


def few_label_accuracies(
    model: Any,
    pool: Mapping[str, np.ndarray],
    rank: np.ndarray,
    test: Mapping[str, np.ndarray],
    counts: Sequence[int],
) -> dict[str, float]:
    """{"accuracy_1": …}: test accuracies of copies of the model, each fitted to `count` labels per class.

    The numbers belong to one replica and are paired with the network's on the same draw: call this from `evaluate`.

    Args:
        model: scikit-learn's classifier (`classical.estimator`). pool, rank: see `drawn`.
        test: {"image": [M, ...], "label": [M]}. counts: labels per class.
    """
    from sklearn.base import clone

    x, label = flat(test["image"]), test["label"]
    parts = {count: drawn(pool, rank, count) for count in counts}
    return {f"accuracy_{n}": float(fit_quietly(clone(model), *part).score(x, label)) for n, part in parts.items()}
