"""Verdicts on claims, against SciPy's paired t-test."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from deeplearn.metrics.verdict import decide, verdict


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_paired_t_test_of_scipy(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(rng.choice([-1.5, 0, 1.5]), 1, (2, rng.integers(2, 9)))
    expected = ttest_rel(a, b)
    found = decide(a - b)
    interval = expected.confidence_interval(0.95)
    assert found.mean == pytest.approx((a - b).mean()) and found.seeds == len(a)
    assert found.mean / found.stderr == pytest.approx(expected.statistic)
    assert found.mean - found.half_width == pytest.approx(interval.low)
    assert found.mean + found.half_width == pytest.approx(interval.high)
    assert (found.decision != "undecided") == (expected.pvalue < 0.05)


def test_the_sign_of_a_clear_mean_decides():
    # Mean 2, standard deviation 1: the 95 % interval of five seeds is 2 ± 2.776 / √5.
    differences = 2 + np.array([-1.0, -1, 0, 1, 1])
    assert verdict(differences) == "supported: +2, 95 % interval +0.758 to +3.24, 5 seeds"
    assert verdict(-differences) == "refuted: -2, 95 % interval -3.24 to -0.758, 5 seeds"


def test_two_standard_errors_are_not_enough():
    found = decide([1.0, 2.0, 3.0])  # 3.5 standard errors from 0, where Student's t with two degrees wants 4.3
    assert found.decision == "undecided" and found.mean > 3 * found.stderr


def test_differences_that_are_all_alike():
    assert decide([0.0, 0.0]).decision == "undecided"
    assert decide([0.5, 0.5]).decision == "supported"


def test_one_seed_and_what_is_not_finite_decide_nothing():
    assert verdict([5.0]).startswith("undecided: +5 in one seed")
    assert decide([5.0]).stderr is None and decide([5.0]).half_width is None
    assert decide([1.0, float("nan"), 1.0]).decision == "undecided"
    with pytest.raises(ValueError, match="at least one"):
        decide([])
