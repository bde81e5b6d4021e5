"""The result of an evaluation: a row of numbers, and the arrays that figures are drawn from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

OURS = "ours"  # the row of the experiment itself, among those of rivals and baselines


@dataclasses.dataclass(frozen=True)
class Measured:
    """One row of a table, with the arrays that figures need, so that nothing is computed twice.

    metrics: {metric: number}, or {"mean", "stderr"} where a baseline was repeated over several seeds.
    arrays: what figures are drawn from: samples, predictions, codes, histories.
    """

    metrics: Mapping[str, Any]
    arrays: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def ours(metrics: Mapping[str, Any], **arrays: Any) -> dict[str, Measured]:
    """The rows of an experiment that measures one thing: its own."""
    return {OURS: Measured(metrics, arrays)}
