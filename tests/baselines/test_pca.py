"""PCA's row, where its error is known, and what an experiment adds to it."""

import numpy as np
import pytest

from deeplearn.baselines.pca import fitted_pca, pca, raw_pixels
from deeplearn.data import Arrays, Dataset


@pytest.fixture(name="plane")
def images_in_a_plane():
    """Images [N, 2, 3, 1] that two numbers determine."""
    rng = np.random.default_rng(0)
    image = (rng.normal(size=(150, 2)) @ rng.normal(size=(2, 6))).reshape(-1, 2, 3, 1).astype(np.float32)
    train, test = Arrays({"image": image[:40]}), Arrays({"image": image[40:]})
    return Dataset("plane", train, test, test)


def test_two_components_reconstruct_a_plane(plane):
    row = pca(plane, 2)["PCA"]()
    assert row.metrics == {"mse": pytest.approx(0, abs=1e-10), "components": 2}
    assert row.arrays["codes"].shape == (110, 2) and row.arrays["reconstructed"].shape == (100, 2, 3, 1)
    np.testing.assert_allclose(row.arrays["reconstructed"], plane.test.arrays(100)["image"], atol=1e-5)


def test_one_component_leaves_the_smaller_variance(plane):
    row = pca(plane, 1, row="PCA, 1")["PCA, 1"]()
    x = plane.test.arrays()["image"].reshape(110, 6)
    model = fitted_pca(plane.train.arrays()["image"].reshape(40, 6), 1)
    assert row.metrics["mse"] == pytest.approx(np.square(model.inverse_transform(model.transform(x)) - x).mean())


def test_no_more_components_than_there_are(plane):
    assert pca(plane, 32, limit=4)["PCA"]().metrics["components"] == 4
    assert pca(plane, 32)["PCA"]().metrics["components"] == 6


def test_a_page_may_measure_more(plane):
    def measure(encode, decode):
        code = encode(np.ones((3, 6), np.float32))
        return {"shape": code.shape, "back": decode(code).shape}

    found = pca(plane, 2, measure)["PCA"]().metrics
    assert found["shape"] == (3, 2) and found["back"] == (3, 6) and "mse" in found


def test_raw_pixels_are_measured_alike():
    def measure(encode, decode):
        return {"sum": float(encode(np.ones((1, 4))).sum()), "back": float(decode(np.ones((1, 2))).sum())}

    assert raw_pixels(measure)["raw pixels"]().metrics == {"sum": 4.0, "back": 2.0}
