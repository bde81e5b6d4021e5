"""Forecasting: the networks do not see what they forecast, and the series are those of statsmodels."""

import dataclasses

import jax
import numpy as np
import pytest

from deeplearn import data
from deeplearn.errors import UserError
from deeplearn.train.forecasting import plan
from experiments.autoencoders import forecasting
from experiments.autoencoders.forecasting import Config, Forecaster, decoded, direct, reconstruct

from .pretend import pretend

TASK = plan(Config(stride=12), pretend("series/co2"))


def test_networks_forecasts_do_not_change_with_the_future():
    """What comes from the second origin on is replaced: the forecasts of the first stay."""
    other = TASK.series.copy()
    other[TASK.first :] = 1e3 * np.random.default_rng(0).normal(size=len(other) - TASK.first)
    model = Forecaster((4, 2), 36, 12)
    variables = model.init(jax.random.key(0), TASK.origins, method=decoded)

    def forecast(task):
        return np.asarray(model.apply(variables, task.origins, method=decoded))

    here, there = forecast(TASK), forecast(dataclasses.replace(TASK, series=other))
    np.testing.assert_array_equal(here[0], there[0])
    assert np.abs(here[1] - there[1]).max() > 1


def test_losses_are_of_window_and_future_or_of_the_future_alone():
    model, batch = Forecaster((4, 2), 36, 12), {"span": TASK.origins.astype(np.float32)}
    variables = model.init(jax.random.key(0), batch, method=direct)
    seen = batch["span"][:, :36]
    std = seen.std(1, keepdims=True)
    error = np.square((model.apply(variables, batch["span"], method=decoded) - batch["span"]) / std)
    whole, future = (
        model.apply(variables, batch, *a, method=f)[0] for f, a in ((reconstruct, (0.0,)), (direct, ()))
    )
    assert whole == pytest.approx(error.mean(), rel=1e-3) and future == pytest.approx(
        error[:, 36:].mean(), rel=1e-3
    )


def test_the_last_fifth_is_forecast_and_validation_is_the_fifth_before():
    assert (TASK.first, TASK.last) == (192, 240)
    assert (TASK.window, TASK.horizon, TASK.stride, TASK.period) == (36, 12, 12, 12)
    validation = plan(Config(stretch="validation", stride=12), pretend("series/co2"))
    assert (validation.first, validation.last) == (144, 192)


@pytest.mark.parametrize("config", [{"window": 8}, {"horizon": 60}, {"window": 140}])
def test_windows_that_do_not_fit_are_refused(config):
    with pytest.raises(UserError, match="do not suit"):
        plan(Config(**config), pretend("series/co2"))


def test_what_is_no_series_is_refused():
    with pytest.raises(UserError, match="not a time series"):
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
