"""Statistics of several runs that differ only in the seed."""

from collections.abc import Mapping, Sequence

import chex
import numpy as np


def mean_and_standard_error(values: Sequence[float] | np.ndarray) -> tuple[float, float | None]:
    """Mean of the values [n] and its standard error, s / √n with s over n − 1; None for a single value.

    One run shows nothing about the spread, so its error is None and not 0.
    """
    chex.assert_rank(np.asarray(values), 1)
    if len(values) == 0:
        raise ValueError("mean_and_standard_error needs at least one value")
    mean = float(np.mean(values))
    if len(values) == 1:
        return mean, None
    return mean, float(np.std(values, ddof=1) / np.sqrt(len(values)))


def summary(rows: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """{metric: {"mean", "stderr"}} of several measurements of the same metrics, {metric: number} each."""
    pairs = {metric: mean_and_standard_error([row[metric] for row in rows]) for metric in rows[0]}
    return {metric: {"mean": mean, "stderr": stderr} for metric, (mean, stderr) in pairs.items()}
