"""Classical forecasts of a series: seasonal naive, linear autoregression, exponential smoothing.

They are in the series' units, and a forecast knows nothing of the series from its origin on.
"""

from __future__ import annotations

import dataclasses
import itertools
import warnings

import numpy as np

from deeplearn.metrics.forecasting import Task, normalised

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)  # of the linear autoregression
SMOOTHINGS = tuple(itertools.product((None, "add"), (None, "add")))  # trend, season


def seasonal_naive(history: np.ndarray, horizon: int, period: int) -> np.ndarray:
    """The last `period` values over and over: [..., time] -> [..., horizon]."""
    return history[..., -period:][..., np.arange(horizon) % period]


def autoregression(task: Task, penalty: float, window: int) -> np.ndarray:
    """Forecasts [origins, horizon] by ridge regression of the future on the window, both in the window's units.

    It is fitted to every window of the `window` steps, the task's at most, that lies before the stretch.
    """
    from sklearn.linear_model import Ridge

    x, _, _ = normalised(task.fitted_windows(window), window)
    model = Ridge(penalty).fit(x[:, :window], x[:, window:])
    x, mean, deviation = normalised(task.origins[:, task.window - window :], window)
    return model.predict(x[:, :window]) * deviation + mean


def smoothing(task: Task, trend: str | None, season: str | None) -> np.ndarray:
    """Forecasts [origins, horizon] by exponential smoothing, fitted to all that precedes each origin.

    Holt 1957, Winters 1960. `trend` and `season` are "add", or None for none.
    """
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    forecasts = []
    for origin in range(task.first, task.last - task.horizon + 1, task.stride):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an optimiser that stops early: its forecasts are judged all the same
            model = ExponentialSmoothing(
                task.series[:origin], trend=trend, seasonal=season, seasonal_periods=task.period if season else None
            )
            forecasts.append(model.fit().forecast(task.horizon))
    return np.stack(forecasts)


def chosen_forecasts(task: Task) -> dict[str, np.ndarray]:
    """{name: forecasts [origins, horizon]}, of the sizes that had the least squared error on the stretch before."""
    earlier = task.earlier()
    # Smoothing is fitted at every origin, which takes long: it is chosen by a twelfth of them.
    sparse = dataclasses.replace(earlier, stride=12 * task.stride)

    def error(forecast: np.ndarray, chosen_on: Task) -> float:
        return float(np.square(forecast - chosen_on.truth).mean())

    windows = [task.window // part for part in (1, 2, 3) if task.window // part]
    linear = min(
        itertools.product(PENALTIES, windows), key=lambda size: error(autoregression(earlier, *size), earlier)
    )
    terms = min(SMOOTHINGS, key=lambda terms: error(smoothing(sparse, *terms), sparse))
    kind = " and ".join(name for name, term in zip(("trend", "season"), terms, strict=True) if term) or "level only"
    return {
        f"linear autoregression, window {linear[1]}": autoregression(task, *linear),
        f"exponential smoothing ({kind})": smoothing(task, *terms),
        f"seasonal naive, period {task.period}": seasonal_naive(
            task.origins[:, : task.window], task.horizon, task.period
        ),
    }
