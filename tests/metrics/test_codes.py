"""What codes mean, beside scipy and counting by hand."""

import numpy as np
import pytest
import scipy.stats

from deeplearn.metrics.codes import class_of_code, correlations


def test_the_class_of_a_code_is_its_most_frequent_one():
    code, label = np.array([0, 0, 0, 2, 2, 2, 2]), np.array([1, 1, 3, 0, 4, 4, 1])
    np.testing.assert_array_equal(class_of_code(code, label, codes=4, classes=5), [1, 0, 4, 0])


def test_correlations_are_pearson_s_and_0_for_what_is_constant():
    rng = np.random.default_rng(0)
    codes, factor = rng.normal(size=(50, 3)), rng.normal(size=50)
    codes[:, 1] -= factor
    codes[:, 2] = 7
    found = correlations(codes, factor)
    for column in range(2):
        wanted = abs(scipy.stats.pearsonr(codes[:, column], factor).statistic)
        assert found[column] == pytest.approx(wanted)
    assert found[2] == 0 and not correlations(codes, np.ones(50)).any()
