"""Rolling origins by hand, and that they do not see what they forecast."""

import numpy as np
import pytest

from deeplearn.metrics.forecasting import Task, mase, normalised, rolling_windows


def test_windows_by_hand():
    windows = rolling_windows(np.arange(10), first=4, last=9, window=3, horizon=2, stride=2)
    assert windows.tolist() == [[1, 2, 3, 4, 5], [3, 4, 5, 6, 7]]
    assert rolling_windows(np.arange(10), 4, 9, 3, 2)[-1].tolist() == [4, 5, 6, 7, 8]
    for first, last in ((2, 9), (4, 5)):
        with pytest.raises(ValueError, match="no origin"):
            rolling_windows(np.arange(10), first, last, 3, 2)


def test_normalised_by_hand():
    # The window 1, 5 has mean 3 and std 2; a constant one has std 0 and stays finite.
    span, mean, std = normalised(np.array([[1.0, 5, 9], [4, 4, 4]]), 2)
    np.testing.assert_allclose(span, [[-1, 1, 3], [0, 0, 0]], atol=1e-5)
    assert mean.tolist() == [[3], [4]]
    np.testing.assert_allclose(std, [[2], [0]], atol=2e-6)


def test_mase_by_hand():
    # Within the history the naive forecast of period 2 errs by 1, 2 and 3; ours errs by 4, 0.
    history = np.array([1.0, 5, 2, 7, 5])
    assert mase(np.array([4.0, 3.0]), np.array([0.0, 3.0]), history, 2) == pytest.approx(2 / 2)
    assert mase(np.array([0.0, 3.0]), np.array([0.0, 3.0]), history, 2) == 0


def test_a_task_s_stretches_by_hand():
    task = Task(np.arange(20.0), first=14, last=18, period=2, window=3, horizon=2, stride=2)
    assert task.origins.tolist() == [[11, 12, 13, 14, 15], [13, 14, 15, 16, 17]]
    assert task.truth.tolist() == [[14, 15], [16, 17]]
    assert (task.earlier().first, task.earlier().last) == (10, 14)
    assert task.history.tolist() == list(range(14))
    fitted = task.fitted_windows(4)
    assert fitted[0].tolist() == [0, 1, 2, 3, 4, 5] and fitted[-1].tolist() == [8, 9, 10, 11, 12, 13]
    assert len(fitted) == 9
    # Errors 0, 1, 2 and 3; the naive forecast of period 2 errs by 2 everywhere.
    errors = task.measure(task.truth + np.array([[0, -1], [2, 3]]))
    assert errors == {"mse": 14 / 4, "mae": 6 / 4, "mase": 6 / 4 / 2}


def test_a_series_that_repeats_itself_has_no_scaled_error():
    task = Task(np.tile([1.0, 5.0], 10), first=14, last=18, period=2, window=3, horizon=2, stride=2)
    assert task.measure(task.truth + 1) == {"mse": 1, "mae": 1}
