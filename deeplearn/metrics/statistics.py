"""What is said of several runs that differ in the seed alone."""

from collections.abc import Sequence

import numpy as np


def mean_and_standard_error(values: Sequence[float] | np.ndarray) -> tuple[float, float | None]:
    """Mean of the values [n] and its standard error, s / √n with s over n − 1; None for a single value.

    One run says nothing of its spread, which is why its error is None and not 0.
    """
    if len(values) == 0:
        raise ValueError("mean_and_standard_error needs at least one value")
    mean = float(np.mean(values))
    if len(values) == 1:
        return mean, None
    return mean, float(np.std(values, ddof=1) / np.sqrt(len(values)))
