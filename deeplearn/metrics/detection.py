"""Metrics of any detector of anomalies, from its scores."""

from __future__ import annotations

from collections.abc import Mapping

import chex
import numpy as np

FALSE_ALARMS = 0.05  # fraction of normal validation examples above the threshold of a detector


def auroc(scores: np.ndarray, anomalous: np.ndarray) -> float:
    """Area under the ROC curve, averaged over problems; NaN where no problem has normal and anomalous examples.

    Args:
        scores: [problems, N], higher for what is more anomalous. anomalous: [problems, N] bool.
    """
    from sklearn.metrics import roc_auc_score

    chex.assert_rank([scores, anomalous], 2)
    chex.assert_equal_shape([scores, anomalous])
    areas = [roc_auc_score(a, s) for s, a in zip(scores, anomalous, strict=True) if 0 < a.sum() < len(a)]
    return float(np.mean(areas)) if areas else float("nan")


def mean_roc(scores: np.ndarray, anomalous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False positive rates [201] from 0 to 1, and the true positive rates there, averaged over problems.

    scores, anomalous: as for `auroc`; every problem has normal and anomalous examples.
    """
    from sklearn.metrics import roc_curve

    chex.assert_rank([scores, anomalous], 2)
    chex.assert_equal_shape([scores, anomalous])
    rates = np.linspace(0, 1, 201)
    each = [np.interp(rates, *roc_curve(a, s)[:2]) for s, a in zip(scores, anomalous, strict=True)]
    return rates, np.mean(each, axis=0)


def detection(scores: Mapping[str, np.ndarray], anomalous: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The metrics of a detector of anomalies, averaged over problems.

    auroc, validation_auroc: only where there are anomalies. The threshold is the score that 5 % of the normal
    validation examples exceed; false_alarms and detected are the fractions of normal and of anomalous test examples
    above it.

    Args:
        scores, anomalous: {"validation" and "test": [problems, N]}.
    """
    row = {"auroc": auroc(scores["test"], anomalous["test"])}
    row["validation_auroc"] = auroc(scores["validation"], anomalous["validation"])
    fractions: dict[str, list[float]] = {"detected": [], "false_alarms": []}
    for seen, normal, score, wrong in zip(
        scores["validation"], ~anomalous["validation"], scores["test"], anomalous["test"], strict=True
    ):
        if normal.any():
            above = score > np.quantile(seen[normal], 1 - FALSE_ALARMS)
            for name, chosen in (("detected", wrong), ("false_alarms", ~wrong)):
                if chosen.any():
                    fractions[name].append(float(above[chosen].mean()))
    row |= {name: float(np.mean(values)) for name, values in fractions.items() if values}
    return {name: value for name, value in row.items() if np.isfinite(value)}
