"""The known ratios are right, and the source is the biased sample that they undo."""

import json

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.decomposition import PCA

from deeplearn.baselines import covariate_shift
from deeplearn.baselines.covariate_shift import (
    biased_sample,
    gaussians,
    on_gaussians,
    principal_component,
    weighed_pool,
    weight_error,
)
from deeplearn.data import Arrays, Dataset
from deeplearn.data.description import describe, stand_in
from deeplearn.errors import UserError


def test_the_gaussians_ratio_is_that_of_scipy_s_densities():
    source, target, true = gaussians(4000, seed=0)
    np.testing.assert_allclose(true, norm.pdf(source[:, 0], 0.5, 0.8) / norm.pdf(source[:, 0]), rtol=1e-10)
    assert target.mean() == pytest.approx(0.5, abs=0.05) and target.std() == pytest.approx(0.8, abs=0.05)


def test_an_error_is_a_fraction_of_the_mean_weight():
    assert weight_error(np.array([2.0, 4.0]), np.array([1.0, 2.0])) == 0
    assert weight_error(np.array([1.0, 1.0]), np.array([0.5, 1.5])) == 0.5


def test_a_row_for_each_estimator():
    rows = on_gaussians(60, draws=2)
    assert list(rows) == [f"two Gaussians, {name}" for name in covariate_shift.ESTIMATORS]
    assert set(rows["two Gaussians, KLIEP"]().metrics["weight_error"]) == {"mean", "stderr"}


def pictures(count):
    rng = np.random.default_rng(0)
    image = (0.5 + 0.2 * rng.normal(size=(count, 1, 1, 1)) + 0.01 * rng.normal(size=(count, 3, 3, 1))).astype(
        "float32"
    )
    split = Arrays({"image": image, "label": np.arange(count, dtype=np.int32) % 2})
    return Dataset("pictures", split, split, split, classes=("even", "odd"))


def test_the_component_is_scikit_learn_s_first():
    image = np.random.default_rng(1).normal(size=(40, 2, 3, 1)) * np.arange(1, 7).reshape(2, 3, 1)
    expected = PCA(1).fit_transform(image.reshape(40, -1))[:, 0]
    np.testing.assert_allclose(np.abs(principal_component(image)), np.abs(expected / expected.std()), rtol=1e-6)


def test_the_true_weights_undo_the_bias(monkeypatch):
    monkeypatch.setattr(covariate_shift, "ESTIMATORS", {"sums": lambda source, target: source.sum(1)})
    image = weighed_pool(pictures(4000)).arrays()["image"]
    component = principal_component(image)
    found, again, other = (biased_sample(image, component, bias=0.5, draw=draw) for draw in (3, 3, 4))
    source, target = found["unweighted"] > 0, found["target"] > 0
    assert source.sum() == target.sum() and not (source & target).any()
    brightness = image.mean((1, 2, 3))
    mean = brightness[target].mean()
    assert abs(brightness[source].mean() - mean) > 0.05
    assert np.average(brightness, weights=found["true"]) == pytest.approx(mean, abs=0.02)
    assert found["true"][source].mean() == pytest.approx(1, rel=1e-5) and (found["true"] > 0).sum() == source.sum()
    np.testing.assert_allclose(found["sums"], np.where(source, image.sum((1, 2, 3)), 0), rtol=1e-5)
    np.testing.assert_array_equal(found["true"], again["true"])
    # Another draw has other halves, too: what is in the source of one may be in the target of the other.
    assert 0.05 < (source & (other["target"] > 0)).sum() / source.sum() < 0.5


def test_too_few_examples_are_a_sentence():
    with pytest.raises(UserError, match="10 examples stay in the source: 20 are needed"):
        weighed_pool(pictures(21))
    with pytest.raises(UserError, match="stay in the source: 20 are needed"):
        image = pictures(40).train.arrays()["image"]
        biased_sample(image, principal_component(image), bias=1.0, draw=0)


def test_the_pool_is_of_the_whole_split_and_is_described_without_data(monkeypatch):
    monkeypatch.setattr(covariate_shift, "LIMIT", 50)
    pool = weighed_pool(pictures(99))
    np.testing.assert_array_equal(pool.arrays()["label"], np.round(np.linspace(0, 98, 50)).astype(int) % 2)
    described = weighed_pool(stand_in(json.loads(json.dumps(describe(pictures(99))))))
    assert len(described) == 50 and described.spec == pool.spec
