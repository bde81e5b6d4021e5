"""Forecasting: nothing sees what it forecasts."""

import dataclasses

import jax
import numpy as np
import pytest

from deeplearn import data
from deeplearn.errors import UserError
from experiments.autoencoders import forecasting
from experiments.autoencoders.forecasting import Config, autoregression, decoded, plan, seasonal_naive, smoothing

from .pretend import pretend

TASK = plan(Config(stride=12), pretend("series/co2"))


def test_forecasts_do_not_change_with_the_future():
    """What comes from the second origin on is replaced: the forecasts of the first, and what is fitted, stay."""
    other = TASK.series.copy()
    other[TASK.first :] = 1e3 * np.random.default_rng(0).normal(size=len(other) - TASK.first)
    changed = dataclasses.replace(TASK, series=other)
    np.testing.assert_array_equal(changed.fitted_windows(36), TASK.fitted_windows(36))
    np.testing.assert_array_equal(changed.history, TASK.history)
    experiment = forecasting.build(Config(hidden=(4, 2)), pretend("series/co2"))
    variables = experiment.model.init(jax.random.key(0), TASK.origins, "autoencoder", 36, method=decoded)

    def network(task):
        return experiment.model.apply(variables, task.origins, "autoencoder", 36, method=decoded)

    for forecast in (
        network,
        lambda task: autoregression(task, 1.0, 36),
        lambda task: smoothing(task, None, "add"),
        lambda task: seasonal_naive(task.origins[:, :36], 12, 12),
    ):
        np.testing.assert_array_equal(forecast(changed)[0], forecast(TASK)[0])
        assert np.abs(np.asarray(forecast(changed)[1]) - np.asarray(forecast(TASK)[1])).max() > 1


def test_the_stretch_that_chooses_ends_where_the_test_begins():
    assert (TASK.first, TASK.last) == (192, 240)
    assert (TASK.earlier().first, TASK.earlier().last) == (144, 192)
    assert plan(Config(stretch="validation", stride=12), pretend("series/co2")).first == 144
    assert TASK.fitted_windows(36).shape == (192 - 36 - 12 + 1, 48)
    np.testing.assert_array_equal(TASK.fitted_windows(36)[-1], TASK.series[192 - 48 : 192])
    np.testing.assert_array_equal(TASK.truth, [TASK.series[o : o + 12] for o in (192, 204, 216, 228)])


def test_autoregression_continues_a_sine_and_forecasts_move_with_the_series_units():
    time = np.arange(240)
    sine = dataclasses.replace(TASK, series=np.sin(2 * np.pi * time / 17) + 0.01 * time)
    np.testing.assert_allclose(autoregression(sine, 1e-6, 36), sine.truth, atol=1e-3)
    scaled = dataclasses.replace(sine, series=300 + 50 * sine.series)
    ours, theirs = autoregression(scaled, 1.0, 36), autoregression(sine, 1.0, 36)
    np.testing.assert_allclose(ours, 300 + 50 * theirs, rtol=1e-4)
    here, there = (task.measure(f) for task, f in ((scaled, ours), (sine, theirs)))
    assert here["mae"] == pytest.approx(50 * there["mae"], rel=1e-3)
    assert here["mase"] == pytest.approx(there["mase"], rel=1e-3)


@pytest.mark.parametrize("config", [{"window": 8}, {"horizon": 60}, {"window": 140}])
def test_windows_that_do_not_fit_are_refused(config):
    with pytest.raises(UserError, match="do not suit"):
        plan(Config(**config), pretend("series/co2"))


def test_what_is_no_series_is_refused():
    with pytest.raises(UserError, match="no time series"):
        forecasting.build(Config(), pretend("digits"))


@pytest.mark.parametrize(
    "name, length, first, last", [("co2", 526, 1958 + 2 / 12, 2001 + 11 / 12), ("sunspots", 309, 1700, 2008)]
)
def test_series_are_statsmodels_in_order_of_time(name, length, first, last, data_dir):
    import statsmodels.datasets

    dataset = data.load(f"series/{name}", data_dir)
    parts = [split.arrays() for split in (dataset.train, dataset.validation, dataset.test)]
    time, value = (np.concatenate([part[key] for part in parts]) for key in ("time", "value"))
    assert len(time) == length and len(parts[1]["time"]) == len(parts[2]["time"]) == round(length / 5)
    np.testing.assert_allclose(np.diff(time), (last - first) / (length - 1), rtol=2e-3)
    np.testing.assert_allclose(time[[0, -1]], (first, last), rtol=1e-6)
    table = getattr(statsmodels.datasets, name).load_pandas().data
    if name == "sunspots":
        np.testing.assert_array_equal(value, table["SUNACTIVITY"].to_numpy(np.float32))
    else:
        weeks = table["co2"]["1999-07"].dropna()
        np.testing.assert_allclose(value[np.argmin(abs(time - 1999.5))], weeks.mean(), rtol=1e-6)
        assert np.isfinite(value).all() and 310 < value.min() < value.max() < 375
