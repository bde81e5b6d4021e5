"""Detectors where their scores are known."""

import numpy as np

from deeplearn.baselines.detectors import DETECTORS, detectors
from deeplearn.metrics.detection import detection

RNG = np.random.default_rng(0)


def test_detectors_score_what_they_say_and_choose_on_validation():
    """Normal examples on a line through 12 dimensions, whose distance from it is known."""
    line = np.eye(12)[0]
    train = RNG.normal(size=(60, 1)) * line
    off = np.linspace(0, 3, 20)[:, None] * np.eye(12)[1]
    x = {"validation": RNG.normal(size=(20, 1)) * line + off, "test": RNG.normal(size=(20, 1)) * line + off}
    wrong = {name: off[None, :, 1] > 1 for name in x}
    found = {name: thunk() for name, thunk in detectors([train], x, wrong).items()}
    assert list(found) == list(DETECTORS)
    np.testing.assert_allclose(found["PCA"].arrays["test"][0], off[:, 1] ** 2, atol=1e-9)
    nearest = np.linalg.norm(x["test"][:, None] - train[None], axis=-1).min(1)
    np.testing.assert_allclose(found["nearest neighbour"].arrays["test"][0], nearest, atol=1e-6)
    # Once training rows vary in the direction of the anomalies, a second component would explain them away.
    both = train + RNG.normal(scale=0.5, size=(60, 1)) * np.eye(12)[1]
    flipped = {"validation": wrong["validation"], "test": ~wrong["test"]}  # labels of the test split choose nothing
    assert found["PCA"].metrics["components"] == 8
    assert detectors([both], x, flipped)["PCA"]().metrics["components"] == 1
    for row in found.values():
        assert detection(row.arrays, wrong).items() <= row.metrics.items()


def test_examples_that_do_not_vary_are_scored_without_a_warning(recwarn):
    x = {"validation": np.ones((4, 3)), "test": np.ones((5, 3))}
    wrong = {name: np.zeros((1, len(rows)), bool) for name, rows in x.items()}
    for name, row in detectors([np.ones((6, 3))], x, wrong).items():
        assert np.isfinite(row().arrays["test"]).all(), name
    assert not recwarn
