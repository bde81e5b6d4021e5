"""The paths of the two-parameter picture, against closed forms; each method sees as many examples."""

import numpy as np

from experiments.foundations.gradient_descent import Config, build, paths

from .pretend import pretend


def problem():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2)) * [3.0, 1.0]
    return x, x @ [0.5, -2.0] + rng.normal(size=50)


def test_the_batch_path_is_that_of_linear_dynamics():
    """w_t − w* = (1 − rate · H)^t (w_0 − w*)."""
    x, target = problem()
    start = np.array([2.0, 1.0])
    (path,) = paths(x, target, start, [len(x)], 20)
    hessian, best = x.T @ x / len(x), np.linalg.lstsq(x, target, rcond=None)[0]
    contraction = np.eye(2) - 0.1 * hessian / np.linalg.eigvalsh(hessian).max()
    for step in (0, 1, 20):
        expected = best + np.linalg.matrix_power(contraction, step) @ (start - best)
        np.testing.assert_allclose(path[step], expected, rtol=1e-9, atol=1e-12)


def test_noise_grows_as_batches_shrink():
    x, target = problem()
    best = np.linalg.lstsq(x, target, rcond=None)[0]
    found = paths(x, target, best + 1, [50, 10, 1], 1000)
    distances = [np.linalg.norm(path[800:] - best, axis=-1).mean() for path in found]
    assert distances[0] < distances[1] / 3 < distances[2] / 6


def test_each_method_sees_as_many_examples_in_batches_of_its_size():
    experiment = build(Config(steps=64, batch_size=8, hidden=(2,)), pretend("digits"))
    assert [stage.name for stage in experiment.stages] == ["mini_batch", "batch", "stochastic"]
    assert [(stage.batch_size, stage.steps) for stage in experiment.stages] == [(8, 64), (256, 2), (1, 512)]


def test_batch_descent_takes_a_step_however_few_the_steps():
    experiment = build(Config(steps=1, batch_size=8, hidden=(2,)), pretend("digits"))
    assert [stage.steps for stage in experiment.stages] == [32, 1, 256]
