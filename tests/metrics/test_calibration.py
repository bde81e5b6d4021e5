"""Calibration error against bins that are filled by hand."""

import numpy as np
import pytest

from deeplearn.metrics.calibration import expected_calibration_error


def by_hand(probabilities, labels, bins):
    total = 0.0
    for m in range(1, bins + 1):
        inside = [
            (row.max(), int(row.argmax() == label))
            for row, label in zip(probabilities, labels, strict=True)
            if (m - 1) / bins < row.max() <= m / bins
        ]
        if inside:
            confidence, accuracy = np.mean(inside, axis=0)
            total += len(inside) / len(labels) * abs(confidence - accuracy)
    return total


@pytest.mark.parametrize("bins", [1, 4, 15])
def test_it_is_the_sum_over_bins(bins):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(5, 0.4), size=300)
    probabilities[0] = [1, 0, 0, 0, 0]  # the last bin's upper end
    probabilities[1:101] = [0.5, 0.5, 0, 0, 0]  # an end between two of four bins: in the lower
    probabilities[101:121] = [0.24, 0.19, 0.19, 0.19, 0.19]  # the first of four bins, where all are wrong
    labels = rng.integers(5, size=300)
    labels[1:101], labels[101:121] = 0, 1
    found = expected_calibration_error(probabilities, labels, bins)
    assert found == pytest.approx(by_hand(probabilities, labels, bins), rel=1e-9)
    usual = expected_calibration_error(probabilities, labels)
    assert usual == pytest.approx(by_hand(probabilities, labels, 15), rel=1e-9)


def test_a_classifier_that_says_how_often_it_errs_is_calibrated():
    probabilities = np.tile([0.75, 0.25], (400, 1))
    labels = np.repeat([0, 0, 0, 1], 100)
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0, abs=1e-12)
    assert expected_calibration_error(probabilities, np.zeros(400, int)) == pytest.approx(0.25)
