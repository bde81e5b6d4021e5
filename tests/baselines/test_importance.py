"""Importance weights against densities that are known, and each estimator's own conditions."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear, minimize

from deeplearn.baselines import importance
from deeplearn.baselines.covariate_shift import gaussians, weight_error
from deeplearn.baselines.importance import ESTIMATORS, by_classifier, gaussian_kernel, kernel_mean_matching, kliep
from deeplearn.errors import UserError


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


# Gradients stop a little before the optimum, where it is flat; where bounds hold the weights it is not.
@pytest.mark.parametrize(("limit", "near"), [(100.0, 2e-3), (1.5, 1e-6)])
def test_matching_is_the_optimum_of_the_quadratic_programme(monkeypatch, limit, near):
    monkeypatch.setattr(importance, "LIMIT", limit)
    monkeypatch.setattr(importance, "_mean_one", lambda weight: weight)
    source, target, _ = gaussians(12, seed=4)
    width = importance.median_distance(source, target)
    # The squares of its factor, by Lawson and Hanson's active sets with bounds, not by gradients.
    within, across = gaussian_kernel(source, source, width) / 12, gaussian_kernel(source, target, width).mean(1)
    values, vectors = np.linalg.eigh(within + 1e-6 * np.eye(12))
    root = (vectors * np.sqrt(values)) @ vectors.T
    found = lsq_linear(root, np.linalg.solve(root, across), bounds=(0, limit), method="bvls").x

    def value(weight):
        return 0.5 * weight @ within @ weight - across @ weight

    weight = kernel_mean_matching(source, target)
    assert weight.min() >= 0 and weight.max() <= limit
    assert value(weight) == pytest.approx(value(found), abs=near)
    assert value(np.ones(12)) > value(found) + 0.1


def test_matching_brings_the_mean_of_kernels_nearer():
    source, target, _ = gaussians(200, seed=3)
    width = importance.median_distance(source, target)
    within, across = gaussian_kernel(source, source, width), gaussian_kernel(source, target, width).mean(1)

    def discrepancy(weight):
        return weight @ within @ weight / len(weight) ** 2 - 2 * across @ weight / len(weight)

    assert discrepancy(kernel_mean_matching(source, target)) < discrepancy(np.ones(200)) - 1e-3


def test_rows_in_the_order_of_their_classes_have_the_weights_of_any_other_order():
    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(5), 40)
    source, target = (4 * np.eye(5)[classes] + 0.1 * rng.normal(size=(200, 5)) for _ in range(2))
    target[np.arange(200), classes] += 0.2
    order = rng.permutation(200)
    shuffled = by_classifier(source[order], target[order])
    assert shuffled.std() > 0.3
    np.testing.assert_allclose(by_classifier(source, target)[order], shuffled, rtol=0.05)


def test_too_few_rows_are_a_sentence():
    few, many = np.zeros((1, 2)), np.zeros((9, 2))
    with pytest.raises(UserError, match="KLIEP holds out examples of the target, so it needs at least two"):
        kliep(many, few)
    with pytest.raises(UserError, match="told apart in 5 parts"):
        by_classifier(few, many)


def test_equal_rows_have_equal_weights():
    source, target = np.zeros((30, 4)), np.zeros((20, 4))
    for estimate in ESTIMATORS.values():
        np.testing.assert_allclose(estimate(source, target), 1, rtol=1e-5)


def test_kliep_of_many_features_is_finite():
    rng = np.random.default_rng(0)
    assert np.isfinite(kliep(rng.normal(size=(20, 64)), rng.normal(size=(10, 64)))).all()
