"""Rolling origins by hand, and that they do not see what they forecast."""

import numpy as np
import pytest

from deeplearn.metrics.forecasting import mase, rolling_windows, seasonal_naive


def test_windows_by_hand():
    windows = rolling_windows(np.arange(10), first=4, last=9, window=3, horizon=2, stride=2)
    assert windows.tolist() == [[1, 2, 3, 4, 5], [3, 4, 5, 6, 7]]
    assert rolling_windows(np.arange(10), 4, 9, 3, 2)[-1].tolist() == [4, 5, 6, 7, 8]
    for first, last in ((2, 9), (4, 5)):
        with pytest.raises(ValueError, match="no origin"):
            rolling_windows(np.arange(10), first, last, 3, 2)


def test_the_seasonal_naive_forecast_repeats_the_last_season():
    assert seasonal_naive(np.array([9, 9, 1, 2, 3]), 7, 3).tolist() == [1, 2, 3, 1, 2, 3, 1]
    assert seasonal_naive(np.array([[1, 2], [3, 4]]), 1, 2).tolist() == [[1], [3]]


def test_mase_by_hand():
    # Within the history the naive forecast of period 2 errs by 1, 2 and 3; ours errs by 4, 0.
    history = np.array([1.0, 5, 2, 7, 5])
    assert mase(np.array([4.0, 3.0]), np.array([0.0, 3.0]), history, 2) == pytest.approx(2 / 2)
    assert mase(np.array([0.0, 3.0]), np.array([0.0, 3.0]), history, 2) == 0
