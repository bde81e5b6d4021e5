"""The one rule by which a claim is decided: Student's t at 95 %, paired over seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import chex
import numpy as np
from scipy.stats import t as student_t

from deeplearn.metrics.statistics import mean_and_standard_error

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What paired differences say about a claim.

    mean: of the differences. stderr: its standard error, None of a single seed.
    half_width: the 95 % interval is mean ± half_width, None of a single seed.
    seeds: how many differences there are.
    decision: "supported" where the whole interval lies above 0, "refuted" where it lies below, else "undecided".
    """

    mean: float
    stderr: float | None
    half_width: float | None
    seeds: int
    decision: Literal["supported", "refuted", "undecided"]

    def __str__(self) -> str:
        if self.half_width is None:
            return f"{self.decision}: {self.mean:+.4g} in one seed; --replicas=5 gives an interval"
        low, high = self.mean - self.half_width, self.mean + self.half_width
        return f"{self.decision}: {self.mean:+.4g}, 95 % interval {low:+.3g} to {high:+.3g}, {self.seeds} seeds"


def decide(differences: Sequence[float] | np.ndarray) -> Verdict:
    """The paired t-test, two-sided at the 5 % level, of differences [n] that are positive if the claim holds.

    Each difference is of a pair trained with the same seed. One seed shows nothing about the spread, and
    differences that are not finite show nothing at all: both are undecided. ValueError where there are none.
    """
    values = np.asarray(differences, np.float64)
    chex.assert_rank(values, 1)
    mean, stderr = mean_and_standard_error(values)
    if stderr is None:
        return Verdict(mean, None, None, 1, "undecided")
    half_width = float(stderr * student_t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
    if abs(mean) > half_width:
        return Verdict(mean, stderr, half_width, len(values), "supported" if mean > 0 else "refuted")
    return Verdict(mean, stderr, half_width, len(values), "undecided")


def verdict(differences: Sequence[float] | np.ndarray) -> str:
    """`decide` as a sentence."""
    return str(decide(differences))
