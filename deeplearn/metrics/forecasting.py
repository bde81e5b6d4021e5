"""Forecasts of a series from rolling origins: which windows, the seasonal naive forecast, and its scaled error."""

from __future__ import annotations

import numpy as np


def rolling_windows(
    series: np.ndarray, first: int, last: int, window: int, horizon: int, stride: int = 1
) -> np.ndarray:
    """The `window` values before each origin and the `horizon` from it on: [origins, window + horizon].

    Origins are `stride` apart, from `first`; everything that is forecast lies in series[first:last]. Before that
    nothing is needed but the windows themselves, so 0 <= first − window. ValueError where no origin fits.
    """
    origins = range(first, last - horizon + 1, stride)
    if first < window or not origins:
        raise ValueError(f"no origin from {first} to {last} has {window} values before and {horizon} after it")
    return np.stack([series[origin - window : origin + horizon] for origin in origins])


def seasonal_naive(history: np.ndarray, horizon: int, period: int) -> np.ndarray:
    """The last `period` values over and over: [..., time] -> [..., horizon]."""
    return history[..., -period:][..., np.arange(horizon) % period]


def mase(forecast: np.ndarray, truth: np.ndarray, history: np.ndarray, period: int) -> float:
    """Mean absolute error, divided by that of the seasonal naive forecast one step ahead within `history` [time].

    Hyndman & Koehler 2006, section 3.2; with seasons in the denominator as in Hyndman & Athanasopoulos.
    """
    return float(np.abs(forecast - truth).mean() / np.abs(history[period:] - history[:-period]).mean())
