"""Classical forecasts: exact on series that fit them, independent of the future, with the best sizes chosen."""

import dataclasses
import itertools

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from deeplearn.baselines.forecasters import PENALTIES, autoregression, forecasters, seasonal_naive, smoothing
from deeplearn.metrics.forecasting import Task

TIME = np.arange(240)
SINE = np.sin(2 * np.pi * TIME / 12) + 0.1 * np.random.default_rng(0).normal(size=240)
TASK = Task(SINE, first=192, last=240, period=12, window=36, horizon=12, stride=12)


def test_the_seasonal_naive_forecast_repeats_the_last_season():
    assert seasonal_naive(np.array([9, 9, 1, 2, 3]), 7, 3).tolist() == [1, 2, 3, 1, 2, 3, 1]
    assert seasonal_naive(np.array([[1, 2], [3, 4]]), 1, 2).tolist() == [[1], [3]]
    with pytest.raises(ValueError, match="no season of 3"):
        seasonal_naive(np.array([1, 2]), 1, 3)


def test_forecasts_do_not_change_with_the_future():
    """What comes from the second origin on is replaced: the forecasts of the first, and what is fitted, stay."""
    other = TASK.series.copy()
    other[TASK.first :] = 1e3 * np.random.default_rng(0).normal(size=len(other) - TASK.first)
    changed = dataclasses.replace(TASK, series=other)
    np.testing.assert_array_equal(changed.fitted_windows(36), TASK.fitted_windows(36))
    np.testing.assert_array_equal(changed.history, TASK.history)
    for forecast in (
        lambda task: autoregression(task, 1.0, 36),
        lambda task: smoothing(task, None, "add"),
        lambda task: seasonal_naive(task.origins[:, :36], 12, 12),
    ):
        np.testing.assert_array_equal(forecast(changed)[0], forecast(TASK)[0])
        assert np.abs(forecast(changed)[1] - forecast(TASK)[1]).max() > 1


def test_autoregression_continues_a_sine_and_forecasts_move_with_the_series_units():
    sine = dataclasses.replace(TASK, series=np.sin(2 * np.pi * TIME / 17) + 0.01 * TIME)
    np.testing.assert_allclose(autoregression(sine, 1e-6, 36), sine.truth, atol=1e-3)
    scaled = dataclasses.replace(sine, series=300 + 50 * sine.series)
    ours, theirs = autoregression(scaled, 1.0, 36), autoregression(sine, 1.0, 36)
    np.testing.assert_allclose(ours, 300 + 50 * theirs, rtol=1e-4)
    here, there = (task.measure(f) for task, f in ((scaled, ours), (sine, theirs)))
    assert here["mae"] == pytest.approx(50 * there["mae"], rel=1e-3)
    assert here["mase"] == pytest.approx(there["mase"], rel=1e-3)


def test_smoothing_continues_a_line_and_a_season():
    line = dataclasses.replace(TASK, series=5 + 0.5 * TIME, stride=36)
    np.testing.assert_allclose(smoothing(line, "add", None), line.truth, atol=0.01)
    season = dataclasses.replace(TASK, series=np.random.default_rng(1).normal(size=12)[TIME % 12], stride=36)
    np.testing.assert_allclose(smoothing(season, None, "add"), season.truth, atol=0.01)
    # Neither: only a level, a constant forecast.
    assert np.ptp(smoothing(season, None, None), axis=1).max() == 0


def ridge_by_loops(task, penalty, window):
    """Forecasts [origins, horizon], a window and a step ahead at a time."""
    past, future = [], []
    for start in range(task.first - window - task.horizon + 1):
        seen = task.series[start : start + window]
        past.append((seen - seen.mean()) / seen.std())
        future.append((task.series[start + window : start + window + task.horizon] - seen.mean()) / seen.std())
    steps, out = [Ridge(penalty).fit(past, ahead) for ahead in np.transpose(future)], []
    for origin in range(task.first, task.last - task.horizon + 1, task.stride):
        seen = task.series[origin - window : origin]
        x = (seen - seen.mean()) / seen.std()
        out.append([step.predict([x])[0] * seen.std() + seen.mean() for step in steps])
    return np.array(out)


def test_the_sizes_are_those_that_did_best_on_the_stretch_before():
    earlier = dataclasses.replace(TASK, first=144, last=192)
    truth = np.stack([SINE[origin : origin + 12] for origin in (144, 156, 168, 180)])
    sizes = list(itertools.product(PENALTIES, (36, 18, 12)))
    errors = [np.square(ridge_by_loops(earlier, *size) - truth).mean() for size in sizes]
    penalty, window = sizes[int(np.argmin(errors))]
    found = {name: thunk() for name, thunk in forecasters(TASK).items()}
    assert list(found) == ["linear autoregression", "exponential smoothing", "seasonal naive"]
    forecast = {name: row.arrays["forecast"] for name, row in found.items()}
    np.testing.assert_allclose(
        forecast["linear autoregression"], ridge_by_loops(TASK, penalty, window), rtol=1e-3, atol=1e-4
    )
    np.testing.assert_array_equal(forecast["exponential smoothing"], smoothing(TASK, None, "add"))
    np.testing.assert_array_equal(forecast["seasonal naive"][1], SINE[192:204])
    for name, row in found.items():
        assert {key: row.metrics[key] for key in ("mse", "mae", "mase")} == TASK.measure(forecast[name])
    linear, exponential = (found[name].metrics for name in ("linear autoregression", "exponential smoothing"))
    assert (linear["penalty"], linear["window"]) == (penalty, window)
    assert (exponential["trend"], exponential["season"]) == (0, 1)
    assert found["seasonal naive"].metrics["period"] == 12
    # A line has a trend and no season, whatever comes in the stretch that is forecast.
    line = np.where(TIME < 192, 0.5 * TIME, SINE)
    row = forecasters(dataclasses.replace(TASK, series=line))["exponential smoothing"]()
    assert (row.metrics["trend"], row.metrics["season"]) == (1, 0)
