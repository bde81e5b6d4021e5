"""One trained diffusion model, sampled in many ways: quality against evaluations of its denoiser, and guidance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deeplearn.measured import Measured
from deeplearn.models.samplers import SAMPLERS, evaluations, levels_within

EVALUATIONS = (5, 10, 20, 40)
GUIDANCES = (0.0, 0.5, 1.0, 2.0, 4.0)

Draw = Callable[[str, int], np.ndarray]  # (sampler, levels) -> samples
Measure = Callable[[np.ndarray], dict[str, float]]


def row_of(sampler: str, count: int) -> str:
    return f"{sampler}, {count} evaluations"


def by_evaluations(draw: Draw, measure: Measure, counts: tuple[int, ...] = EVALUATIONS) -> dict[str, Measured]:
    """{"heun, 40 evaluations": …}: each sampler with the most levels that so many evaluations allow.

    Metrics: those of `measure`, and `evaluations`, how many were made: Heun makes an odd number.
    """
    rows = {}
    for sampler in SAMPLERS:
        for count in counts:
            levels = levels_within(sampler, count)
            made = {"evaluations": float(evaluations(sampler, levels))}
            rows[row_of(sampler, count)] = Measured(measure(draw(sampler, levels)) | made)
    return rows


def evaluation_curves(rows: Mapping[str, Measured], metric: str) -> dict[str, Any]:
    """{sampler: (evaluations, metric)} of the rows of `by_evaluations`, for `deeplearn.figures.plots.curves`."""
    lines = {}
    for sampler in SAMPLERS:
        own = [row.metrics for name, row in rows.items() if name.startswith(f"{sampler}, ")]
        lines[sampler] = ([one["evaluations"] for one in own], [one[metric] for one in own])
    return lines
