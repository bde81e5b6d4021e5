"""Forecasts of a series as curves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from deeplearn.figures.panels import panels
from deeplearn.figures.plots import curves


def windows(truth: np.ndarray, horizon: int, lines: Mapping[str, np.ndarray], ylabel: str) -> Image.Image:
    """Four windows of a stretch and what was said of them.

    truth: [origins, window + horizon]. lines: a name to the same or, forecasts, [origins, horizon].
    """
    time = np.arange(horizon + 1 - truth.shape[1], horizon + 1)  # the first that is forecast is 1
    pictures = []
    for row in np.linspace(0, len(truth) - 1, 4).astype(int):
        drawn = {"truth": truth, **lines}
        shown = {name: (time[-values.shape[1] :], values[row]) for name, values in drawn.items()}
        pictures.append(curves(shown, "steps from the origin", ylabel))
    return panels(pictures, columns=2)


def error_by_horizon(truth: np.ndarray, forecasts: Mapping[str, np.ndarray]) -> Image.Image:
    """The mean absolute error of forecasts [origins, horizon] of this truth, for each number of steps ahead."""
    ahead = np.arange(1, truth.shape[1] + 1)
    errors = {name: (ahead, np.abs(forecast - truth).mean(0)) for name, forecast in forecasts.items()}
    return curves(errors, "steps ahead", "mean absolute error")
