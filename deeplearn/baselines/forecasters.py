"""Classical forecasts of a series: seasonal naive, linear autoregression, exponential smoothing.

Forecasts are in the series' units; a forecast uses nothing of the series from its origin on.
"""

from __future__ import annotations

import dataclasses
import itertools
import warnings
from typing import Any

import numpy as np

from deeplearn.baselines.classical import Thunks
from deeplearn.measured import Measured
from deeplearn.metrics.forecasting import Task, normalised

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)  # of the linear autoregression
SMOOTHINGS = tuple(itertools.product((None, "add"), (None, "add")))  # trend, season


def seasonal_naive(history: np.ndarray, horizon: int, period: int) -> np.ndarray:
    """The last `period` values, repeated: [..., time] -> [..., horizon]. A history holds at least one period."""
    if history.shape[-1] < period:
        raise ValueError(f"a history of {history.shape[-1]} steps holds no season of {period}")
    return history[..., -period:][..., np.arange(horizon) % period]


def autoregression(task: Task, penalty: float, window: int) -> np.ndarray:
    """Forecasts [origins, horizon] by ridge regression of the future on the window, both in the window's units.

    It is fitted to every window of `window` steps, at most the task's, that lies before the stretch.
    """
    from sklearn.linear_model import Ridge

    x, _, _ = normalised(task.fitted_windows(window), window)
    model = Ridge(penalty).fit(x[:, :window], x[:, window:])
    x, mean, std = normalised(task.origins[:, task.window - window :], window)
    return model.predict(x[:, :window]) * std + mean


def smoothing(task: Task, trend: str | None, season: str | None) -> np.ndarray:
    """Forecasts [origins, horizon] by exponential smoothing, fitted to all that precedes each origin.

    Holt 1957, Winters 1960. `trend` and `season` are "add" or None.
    """
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    forecasts = []
    for origin in range(task.first, task.last - task.horizon + 1, task.stride):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the optimiser may stop early
            model = ExponentialSmoothing(
                task.series[:origin], trend=trend, seasonal=season, seasonal_periods=task.period if season else None
            )
            forecasts.append(model.fit().forecast(task.horizon))
    return np.stack(forecasts)


def chosen_autoregression(task: Task) -> dict[str, Any]:
    """{"penalty", "window"} of the linear autoregression with the lowest squared error on the stretch before."""
    earlier = task.earlier()
    windows = [task.window // part for part in (1, 2, 3) if task.window // part]
    return min(
        ({"penalty": penalty, "window": window} for penalty, window in itertools.product(PENALTIES, windows)),
        key=lambda size: _error(autoregression(earlier, **size), earlier),
    )


def chosen_smoothing(task: Task) -> tuple[str | None, str | None]:
    """(trend, season) of the smoothing with the lowest squared error on the stretch before.

    Smoothing is fitted at every origin, which takes long: only a twelfth of the origins is used to choose.
    """
    sparse = dataclasses.replace(task.earlier(), stride=12 * task.stride)
    possible = [(trend, season) for trend, season in SMOOTHINGS if season is None or task.period > 1]
    return min(possible, key=lambda terms: _error(smoothing(sparse, *terms), sparse))


def forecasters(task: Task) -> Thunks:
    """{"linear autoregression", "exponential smoothing", "seasonal naive": thunk}, chosen on the stretch before.

    Metrics: `mse`, `mae`, `mase` (`metrics.forecasting.Task.measure`) and what was chosen: `penalty` and `window`;
    `trend` and `season`, 1 or 0; `period`. Arrays: `forecast` [origins, horizon], in the series' units.
    """

    def row(forecast: np.ndarray, **facts: float) -> Measured:
        return Measured({**task.measure(forecast), **facts}, {"forecast": forecast})

    def linear() -> Measured:
        size = chosen_autoregression(task)
        return row(autoregression(task, **size), **size)

    def exponential() -> Measured:
        trend, season = chosen_smoothing(task)
        return row(smoothing(task, trend, season), trend=int(trend is not None), season=int(season is not None))

    def naive() -> Measured:
        seen = task.origins[:, : task.window]
        return row(seasonal_naive(seen, task.horizon, task.period), period=task.period)

    return {"linear autoregression": linear, "exponential smoothing": exponential, "seasonal naive": naive}


def _error(forecast: np.ndarray, task: Task) -> float:
    return float(np.square(forecast - task.truth).mean())
