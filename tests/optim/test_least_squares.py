"""Paths of descent on least squares, against closed forms."""

import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.optim.least_squares import descent_paths


def problem():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2)) * [3.0, 1.0]
    return x, x @ [0.5, -2.0] + rng.normal(size=50)


def test_the_batch_path_is_that_of_linear_dynamics():
    """w_t − w* = (1 − rate · H)^t (w_0 − w*)."""
    x, target = problem()
    start = np.array([2.0, 1.0])
    (path,) = descent_paths(x, target, start, [len(x)], 20)
    hessian, best = x.T @ x / len(x), np.linalg.lstsq(x, target, rcond=None)[0]
    contraction = np.eye(2) - 0.1 * hessian / np.linalg.eigvalsh(hessian).max()
    for step in (0, 1, 20):
        expected = best + np.linalg.matrix_power(contraction, step) @ (start - best)
        np.testing.assert_allclose(path[step], expected, rtol=1e-9, atol=1e-12)


def test_noise_grows_as_batches_shrink():
    x, target = problem()
    best = np.linalg.lstsq(x, target, rcond=None)[0]
    found = descent_paths(x, target, best + 1, [50, 10, 1], 1000)
    distances = [np.linalg.norm(path[800:] - best, axis=-1).mean() for path in found]
    assert distances[0] < distances[1] / 3 < distances[2] / 6


def test_examples_that_do_not_vary_are_refused_in_a_sentence():
    with pytest.raises(UserError, match="do not vary"):
        descent_paths(np.zeros((5, 2)), np.ones(5), np.ones(2), [5], 3)
