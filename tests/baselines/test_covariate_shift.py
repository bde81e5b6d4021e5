"""The known ratios are right, and the source is the biased sample that they undo."""

import numpy as np
import pytest
from scipy.stats import norm

from deeplearn.baselines import covariate_shift
from deeplearn.baselines.covariate_shift import biased_source, gaussians, on_gaussians, weight_error
from deeplearn.data import Arrays, Dataset
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


def test_the_true_weights_undo_the_bias(monkeypatch):
    monkeypatch.setattr(covariate_shift, "ESTIMATORS", {})
    sides = biased_source(pictures(4000), bias=0.5, seed=3)
    source, target = (sides.sources[name].arrays() for name in ("source", "target"))
    assert len(source["label"]) == len(target["label"])
    brightness = source["image"].mean((1, 2, 3))
    mean = target["image"].mean()
    assert abs(brightness.mean() - mean) > 0.05
    assert np.average(brightness, weights=source["true"]) == pytest.approx(mean, abs=0.02)
    assert source["true"].mean() == pytest.approx(1, rel=1e-5)
    # No picture is on both sides.
    assert not {x.tobytes() for x in source["image"]} & {x.tobytes() for x in target["image"]}


def test_too_few_examples_are_a_sentence():
    with pytest.raises(UserError, match="stay in the source: 20 are needed"):
        biased_source(pictures(20), bias=1.0, seed=0)
