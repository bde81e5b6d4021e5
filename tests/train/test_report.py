"""What figures are given of several systems and replicas, and the names by which a flag chooses systems."""

import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.measured import OURS, Measured
from deeplearn.train import named
from deeplearn.train.experiment import Report

REPLICAS = [{OURS: {"accuracy": a}, "tanh": {"accuracy": b}} for a, b in ((0.5, 0.8), (0.7, 0.8))]
ROWS = {OURS: Measured({"accuracy": 0.5}), "tanh": Measured({"accuracy": 0.8}), "SVM": Measured({"accuracy": 0.9})}


def test_rows_that_trained_side_by_side_have_names_and_baselines_are_not_among_them():
    report = Report(ROWS, REPLICAS, None, None)
    assert report.beside("relu") == {"relu": ROWS[OURS], "tanh": ROWS["tanh"]}


def test_a_metric_is_spread_over_replicas():
    found = Report(ROWS, REPLICAS, None, None).spread("accuracy", "relu")
    assert list(found) == ["relu", "tanh"]
    np.testing.assert_allclose(found["relu"], (0.6, 0.1))
    np.testing.assert_allclose(found["tanh"], (0.8, 0.0), atol=1e-12)
    assert Report(ROWS, REPLICAS[:1], None, None).spread("accuracy", "relu")["relu"] == (0.5, None)


def test_the_first_name_goes_to_the_head():
    assert named("parts", ("c", "a", "b"), ("a", "b", "c"), first="a") == ["a", "c", "b"]


@pytest.mark.parametrize("names", [("b",), ("a", "d"), ("a", "a"), ()])
def test_names_that_will_not_do_end_in_a_sentence(names):
    with pytest.raises(UserError, match="--parts should name a and any others of a, b, c, each once"):
        named("parts", names, ("a", "b", "c"), first="a")


def test_a_row_that_was_left_out_is_missed_in_a_sentence():
    with pytest.raises(UserError, match="there is no row 'PCA'"):
        Report(ROWS, REPLICAS, None, None).rows["PCA"]
