"""The mean over seeds and its standard error."""

import pytest
import scipy.stats

from deeplearn.metrics.statistics import mean_and_standard_error, summary


def test_agrees_with_scipy():
    values = [16.6, 16.9, 16.4, 17.0]
    assert mean_and_standard_error(values) == (pytest.approx(16.725), pytest.approx(scipy.stats.sem(values)))


def test_one_run_has_no_error():
    assert mean_and_standard_error([3.5]) == (3.5, None)


def test_no_run_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        mean_and_standard_error([])


def test_a_summary_is_of_each_metric():
    found = summary([{"a": 1.0, "b": 5.0}, {"a": 3.0, "b": 5.0}])
    assert found == {"a": {"mean": 2.0, "stderr": pytest.approx(1.0)}, "b": {"mean": 5.0, "stderr": 0.0}}
    assert summary([{"a": 1.0}]) == {"a": {"mean": 1.0, "stderr": None}}
