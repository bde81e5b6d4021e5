"""What is measured of a detector, by counting."""

import numpy as np
import pytest

from deeplearn.metrics.detection import auroc, detection, mean_roc

RNG = np.random.default_rng(0)


def test_auroc_is_the_fraction_of_pairs_in_the_right_order():
    scores, anomalous = RNG.integers(10, size=(2, 40)).astype(float), RNG.random((2, 40)) < 0.3
    pairs = [
        np.mean([(a > n) + (a == n) / 2 for a in row[wrong] for n in row[~wrong]])
        for row, wrong in zip(scores, anomalous, strict=True)
    ]
    assert auroc(scores, anomalous) == pytest.approx(np.mean(pairs))
    # A problem without anomalies says nothing.
    blank = np.zeros((1, 40), bool)
    assert auroc(np.concatenate([scores, scores[:1]]), np.concatenate([anomalous, blank])) == pytest.approx(
        np.mean(pairs)
    )


def test_the_threshold_is_set_on_normal_validation_examples():
    validation = np.concatenate([np.arange(101.0), [1000.0]])[None]  # 95 of 0 … 100 are at or below it
    test = np.array([[94.0, 95.5, 96.0, 20.0, 300.0, 1.0]])
    wrong = {"validation": validation > 500, "test": np.array([[False, False, True, True, True, False]])}
    row = detection({"validation": validation, "test": test}, wrong)
    assert row["detected"] == pytest.approx(2 / 3) and row["false_alarms"] == pytest.approx(1 / 3)
    assert row["validation_auroc"] == 1 and row["auroc"] == pytest.approx(7 / 9)
    normal = {name: np.zeros_like(values) for name, values in wrong.items()}
    assert set(
        detection(
            {"validation": validation[:, :-1], "test": test}, {**normal, "validation": normal["validation"][:, :-1]}
        )
    ) == {"false_alarms"}


def test_the_area_under_the_mean_curve_is_the_mean_area():
    scores, anomalous = RNG.normal(size=(3, 2000)), RNG.random((3, 2000)) < 0.3
    scores += anomalous
    false, true = mean_roc(scores, anomalous)
    assert np.trapezoid(true, false) == pytest.approx(auroc(scores, anomalous), abs=0.005)
    assert false.shape == true.shape == (201,) and false[[0, -1]].tolist() == [0, 1] and (np.diff(true) >= 0).all()
