"""Hoyer's measure, by hand."""

import numpy as np
import pytest

from deeplearn.metrics.sparsity import hoyer_sparsity


def test_hoyer_s_measure_of_sparsity():
    assert hoyer_sparsity(np.array([[0.0, 0.0, 3.0, 0.0]])) == pytest.approx(1)
    assert hoyer_sparsity(np.full((2, 9), 0.4)) == pytest.approx(0, abs=1e-7)
    assert hoyer_sparsity(np.array([[1.0, 1.0, 0.0, 0.0]])) == pytest.approx(2 - np.sqrt(2))
    half = np.array([[2.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]])  # ‖h‖₁ = 8, ‖h‖₂ = 4
    assert hoyer_sparsity(half) == pytest.approx((3 - 2) / (3 - 1))
    mixed = np.array([[0.0, 0.0, 3.0, 0.0], [0.4, 0.4, 0.4, 0.4]])
    assert hoyer_sparsity(mixed) == pytest.approx(0.5)  # the mean over images
