"""Denoisers: errors by hand, settings from validation, and fits that are shared."""

import numpy as np
import pytest

from deeplearn.baselines import denoisers as module
from deeplearn.baselines.denoisers import denoisers
from deeplearn.data import Arrays, Dataset


def corrupt(images, seed):
    return images + np.random.default_rng(seed).normal(scale=0.3, size=images.shape).astype(np.float32)


@pytest.fixture(name="lines")
def images_on_few_directions():
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(3, 36)).astype(np.float32)
    splits = [
        Arrays({"image": (rng.normal(size=(n, 3)).astype(np.float32) @ basis).reshape(n, 6, 6, 1)})
        for n in (200, 60, 120)
    ]
    return Dataset("lines", *splits)


def test_projections_take_away_the_noise_that_lies_outside(lines):
    rows = denoisers(lines, {"gaussian": corrupt})
    assert list(rows) == ["noisy image", "PCA", "PCA + ridge", "non-local means"]
    found = {name: thunk() for name, thunk in rows.items()}
    error = {name: row.metrics["mse_gaussian"] for name, row in found.items()}
    clean = lines.test.arrays()["image"]
    assert error["noisy image"] == pytest.approx(np.square(corrupt(clean, 0) - clean).mean())
    assert error["PCA"] < 0.25 * error["noisy image"]  # 4 of 36 directions leave a ninth of it
    assert error["PCA + ridge"] < 0.2 * error["noisy image"]
    assert error["non-local means"] <= 1.001 * error["noisy image"]
    for row in found.values():
        assert row.arrays["gaussian"].shape == (100, 6, 6, 1)


def test_components_are_fitted_once_for_all_rows_and_not_before(lines, monkeypatch):
    fits = []
    fitted_pca = module.fitted_pca
    monkeypatch.setattr(module, "fitted_pca", lambda *args: fits.append(1) or fitted_pca(*args))
    rows = denoisers(lines, {"a": corrupt, "b": lambda images, seed: images})
    assert not fits
    for name in ("PCA", "PCA + ridge"):
        assert set(rows[name]().metrics) == {"mse_a", "mse_b"}
    assert len(fits) == 2  # one for each corruption
