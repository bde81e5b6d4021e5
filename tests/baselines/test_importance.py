"""Importance weights against densities that are known, and each estimator's own conditions."""

import numpy as np
import pytest
from scipy.optimize import minimize

from deeplearn.baselines import importance
from deeplearn.baselines.covariate_shift import gaussians, weight_error
from deeplearn.baselines.importance import ESTIMATORS, by_classifier, gaussian_kernel, kernel_mean_matching, kliep


@pytest.mark.parametrize("name", ESTIMATORS)
def test_two_gaussians_ratio_is_found(name):
    """Of 5,000 each the error is below .05 (`representations.reweighting`); of 1,000 it is that of fewer draws."""
    source, target, true = gaussians(1000, seed=0)
    weight = ESTIMATORS[name](source, target)
    assert weight.min() >= 0 and weight.mean() == pytest.approx(1, rel=1e-6)
    assert weight_error(weight, true) < 0.1
    assert weight_error(np.ones(1000), true) > 0.4


def test_the_classifier_counts_examples_of_each_side():
    source, target, _ = gaussians(400, seed=1)
    np.testing.assert_allclose(by_classifier(source, target[:200]).mean(), 1, rtol=1e-6)


def test_kliep_s_proportions_are_the_maximum_under_its_constraints():
    source, target, _ = gaussians(60, seed=2)
    centres = target[:3]
    of_source, of_target = gaussian_kernel(source, centres, 1.0), gaussian_kernel(target, centres, 1.0)
    alpha = importance._proportions(of_source, of_target, steps=3000)
    found = minimize(
        lambda a: -np.log(of_target @ a).mean(),
        np.ones(3) / (of_source @ np.ones(3)).mean(),
        bounds=[(0, None)] * 3,
        constraints={"type": "eq", "fun": lambda a: (of_source @ a).mean() - 1},
    )
    assert (of_source @ alpha).mean() == pytest.approx(1)
    assert np.log(of_target @ alpha).mean() == pytest.approx(-found.fun, abs=1e-4)


def test_matching_brings_the_mean_of_kernels_nearer():
    source, target, _ = gaussians(200, seed=3)
    width = importance.median_distance(source, target)
    within, across = gaussian_kernel(source, source, width), gaussian_kernel(source, target, width).mean(1)

    def discrepancy(weight):
        return weight @ within @ weight / len(weight) ** 2 - 2 * across @ weight / len(weight)

    assert discrepancy(kernel_mean_matching(source, target)) < discrepancy(np.ones(200)) - 1e-3


def test_equal_rows_have_equal_weights():
    source, target = np.zeros((30, 4)), np.zeros((20, 4))
    for estimate in ESTIMATORS.values():
        np.testing.assert_allclose(estimate(source, target), 1, rtol=1e-5)


def test_kliep_of_many_features_is_finite():
    rng = np.random.default_rng(0)
    assert np.isfinite(kliep(rng.normal(size=(20, 64)), rng.normal(size=(10, 64)))).all()
