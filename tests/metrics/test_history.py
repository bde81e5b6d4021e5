"""Recorded curves: means over equal parts of the run, wherever the recording was cut."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from deeplearn.metrics.history import record, recorded


class Root(nn.Module):
    def setup(self):
        self.network = nn.Dense(2)


def loss(model, value, step):
    out = model.network(np.ones((1, 1), np.float32)).sum()
    record(model, "network", value + 0 * out, step, steps=12, points=4)
    return out


def run(values):
    variables = Root().init(jax.random.key(0), np.ones(2, np.float32), 0, method=loss)
    assert not np.asarray(jax.tree.leaves(variables["history"])).any()  # initialisation records nothing
    for step, value in values.items():
        _, updated = Root().apply(
            variables, np.full(2, value, np.float32) * [1, 2], step, method=loss, mutable=["history"]
        )
        variables = {**variables, **updated}
    return recorded(variables, "network", 12)


def test_each_point_is_the_mean_over_its_part_of_the_run():
    steps, means = run({step: float(step) for step in range(12)})
    np.testing.assert_allclose(steps, [1.5, 4.5, 7.5, 10.5])
    np.testing.assert_allclose(means[:, 0], [1, 4, 7, 10])
    np.testing.assert_allclose(means[:, 1], [2, 8, 14, 20])


def test_parts_without_a_record_are_left_out():
    steps, means = run({0: 5.0, 11: 7.0, 12: 9.0})  # a step after the last counts with the last
    np.testing.assert_allclose(steps, [1.5, 10.5])
    np.testing.assert_allclose(means[:, 0], [5, 8])


@pytest.mark.parametrize(("length", "points"), [(3, 3), (1000, 50)])
def test_a_run_has_fifty_points_or_one_for_each_step_if_there_are_fewer(length, points):
    def loss(model, value, step):
        record(model, "curve", value, step, steps=length)

    variables = Root().init(jax.random.key(0), np.ones(1), 0, method=loss)
    assert jax.tree.leaves(variables["history"])[0].shape == (points, 2)
