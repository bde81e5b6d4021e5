"""Verdicts on claims."""

from deeplearn.metrics.verdict import verdict


def test_a_mean_beyond_two_standard_errors_decides():
    # Mean 2, deviation 1 over n − 1: the standard error is 1 / √3.
    assert verdict([1.0, 2.0, 3.0]) == "supported: +2 ± 0.58 over 3 seeds"
    assert verdict([-1.0, -2.0, -3.0]) == "not supported: -2 ± 0.58 over 3 seeds"


def test_a_mean_within_two_standard_errors_does_not():
    assert verdict([0.1, 1.1, 2.1]).startswith("undecided: +1.1 ± 0.58")
    assert verdict([0.0, 0.0]).startswith("undecided")


def test_one_seed_decides_nothing():
    assert verdict([5.0]).startswith("undecided: +5 in one seed")
