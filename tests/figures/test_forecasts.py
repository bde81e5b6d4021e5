"""Pictures of forecasts: what is drawn where."""

import numpy as np

from deeplearn.figures import forecasts


def test_a_forecast_begins_one_step_after_the_origin(monkeypatch):
    drawn = []
    plain = forecasts.curves
    monkeypatch.setattr(forecasts, "curves", lambda series, *a: drawn.append(series) or plain(series, *a))
    truth = np.arange(5 * 7.0).reshape(5, 7)
    picture = forecasts.windows(truth, 3, {"decoded": -truth, "naive": truth[:, :3]}, "value")
    assert picture.size[0] > 500 and len(drawn) == 4
    time, values = drawn[-1]["truth"]
    assert time.tolist() == list(range(-3, 4)) and values.tolist() == truth[-1].tolist()
    assert drawn[-1]["decoded"][0].tolist() == time.tolist()
    assert drawn[-1]["naive"][0].tolist() == [1, 2, 3]


def test_errors_are_means_over_origins(monkeypatch):
    drawn = []
    monkeypatch.setattr(forecasts, "curves", lambda series, *a: drawn.append(series))
    truth = np.zeros((2, 3))
    forecasts.error_by_horizon(truth, {"one": np.array([[1.0, -2, 0], [3, 2, 0]])})
    ahead, error = drawn[0]["one"]
    assert ahead.tolist() == [1, 2, 3] and error.tolist() == [2, 2, 0]
