"""Densities of points, on a mixture that all of them can learn."""

import numpy as np
import pytest

from deeplearn.baselines.point_densities import point_densities
from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.metrics.mixture import mode_coverage


def test_all_find_the_modes():
    rng = np.random.default_rng(0)
    means, sigma = np.array([[0.0, 0], [5, 0], [0, 5]]), 0.1

    def split(n):
        return Arrays({"point": means[rng.integers(3, size=n)] + sigma * rng.normal(size=(n, 2))})

    dataset = Dataset("three", split(600), split(50), split(500), about={"means": means, "sigma": sigma})
    rows = {name: thunk() for name, thunk in point_densities(dataset, 400).items()}
    assert list(rows) == ["the data itself", "Gaussian mixture by EM", "kernel density"]
    for row in rows.values():
        assert row.arrays["points"].shape == (400, 2)
        assert row.metrics == mode_coverage(row.arrays["points"], means, sigma)
        assert row.metrics["modes"] == 3
    # The kernel doubles the variance: 1 − exp(−9/4) of its draws lie within three standard deviations.
    assert rows["Gaussian mixture by EM"].metrics["high_quality"] > 0.97
    assert abs(rows["kernel density"].metrics["high_quality"] - 0.895) < 0.05


def test_one_point_again_and_again_is_a_density_and_one_alone_is_none(recwarn):
    points = Arrays({"point": np.full((20, 2), 3, np.float32)})
    about = {"means": np.array([[3.0, 3], [9, 9]]), "sigma": 0.1}
    rows = point_densities(Dataset("still", points, points, points, about=about), 50)
    assert rows["Gaussian mixture by EM"]().metrics["modes"] == 1
    assert not recwarn
    alone = Arrays({"point": np.ones((1, 2), np.float32)})
    with pytest.raises(UserError, match="two points"):
        point_densities(Dataset("alone", alone, alone, alone, about=about), 50)["Gaussian mixture by EM"]()
