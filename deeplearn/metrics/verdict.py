"""Whether a claim holds, from differences that were measured in pairs."""

from __future__ import annotations

from collections.abc import Sequence

from deeplearn.metrics.statistics import mean_and_standard_error


def verdict(differences: Sequence[float]) -> str:
    """A sentence on differences [n] that the claim says are positive, one a seed, each of a pair trained alike.

    Supported where the mean lies more than two standard errors above 0, not supported where it lies as far below,
    undecided otherwise, and for a single seed, which says nothing of its spread. With five seeds a difference that
    is not there passes for one with a chance of 12 % (Student's t with four degrees of freedom).
    """
    mean, error = mean_and_standard_error(differences)
    if error is None:
        return f"undecided: {mean:+.4g} in one seed; --replicas=5 gives a standard error"
    measured = f"{mean:+.4g} ± {error:.2g} over {len(differences)} seeds"
    if abs(mean) <= 2 * error:
        return f"undecided: {measured}"
    return f"{'supported' if mean > 0 else 'not supported'}: {measured}"
