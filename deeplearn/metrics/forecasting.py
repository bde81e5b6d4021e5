"""Forecasts of a series from rolling origins: the windows seen, the values to forecast, and the scaled error."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import chex
import numpy as np


def rolling_windows(
    series: np.ndarray, first: int, last: int, window: int, horizon: int, stride: int = 1
) -> np.ndarray:
    """The `window` values before each origin and the `horizon` from it on: [origins, window + horizon].

    Origins are `stride` apart, from `first`; everything that is forecast lies in series[first:last], and the
    first window before it, so 0 <= first − window. ValueError where no origin fits.
    """
    chex.assert_rank(series, 1)
    origins = range(first, last - horizon + 1, stride)
    if first < window or not origins:
        raise ValueError(f"no origin from {first} to {last} has {window} values before and {horizon} after it")
    return np.stack([series[origin - window : origin + horizon] for origin in origins])


def normalised(span: Any, window: int) -> tuple[Any, Any, Any]:
    """(The span [..., window or more] with its window at mean 0 and standard deviation 1, its mean, its std).

    The span is of numpy or of JAX; mean and std are [..., 1]. The std of a constant window is 1e-6.
    """
    seen = span[..., :window]
    mean, std = seen.mean(-1, keepdims=True), seen.std(-1, keepdims=True) + 1e-6
    return (span - mean) / std, mean, std


def mase(forecast: np.ndarray, truth: np.ndarray, history: np.ndarray, period: int) -> float:
    """Mean absolute error, divided by that of the seasonal naive forecast one step ahead within `history` [time].

    Hyndman & Koehler 2006, section 3.2; with seasons in the denominator as in Hyndman & Athanasopoulos.
    """
    chex.assert_equal_shape([forecast, truth])
    chex.assert_rank(history, 1)
    return float(np.abs(forecast - truth).mean() / np.abs(history[period:] - history[:-period]).mean())


@dataclasses.dataclass(frozen=True)
class Task:
    """A series [time] and the stretch of it that is forecast, [first, last); `period` is that of its seasons.

    From origins `stride` apart forecasts see `window` steps and predict the next `horizon`, in the series' units.
    """

    series: np.ndarray
    first: int
    last: int
    period: int
    window: int
    horizon: int
    stride: int

    @property
    def history(self) -> np.ndarray:
        return self.series[: self.first]

    @functools.cached_property
    def origins(self) -> np.ndarray:
        """What the forecasts see and what they should predict: [origins, window + horizon]."""
        return rolling_windows(self.series, self.first, self.last, self.window, self.horizon, self.stride)

    @property
    def truth(self) -> np.ndarray:
        return self.origins[:, self.window :]

    def fitted_windows(self, window: int) -> np.ndarray:
        """Every window and its future before the stretch, stride 1: [origins, window + horizon]."""
        return rolling_windows(self.series, window, self.first, window, self.horizon)

    def earlier(self) -> Task:
        """The stretch before this one, of equal length: settings are chosen there."""
        return dataclasses.replace(self, first=2 * self.first - self.last, last=self.first)

    def measure(self, forecast: np.ndarray) -> dict[str, float]:
        """Mean squared and absolute errors of forecasts [origins, horizon], in the series' units, and `mase`.

        A series that repeats itself exactly has no `mase`: the seasonal naive forecast has no error.
        """
        chex.assert_rank(forecast, 2)
        chex.assert_equal_shape([forecast, self.truth])
        error = forecast - self.truth
        metrics = {"mse": float(np.square(error).mean()), "mae": float(np.abs(error).mean())}
        if (self.history[self.period :] != self.history[: -self.period]).any():
            metrics["mase"] = mase(forecast, self.truth, self.history, self.period)
        return metrics
