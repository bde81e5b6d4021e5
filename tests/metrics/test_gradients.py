"""Gradients of functions that are known."""

import jax
import numpy as np
import pytest

from deeplearn.metrics.gradients import central_differences, relative_distance, relative_norms


def cubic(weights, scale):
    """scale · Σ a³ + Σ b² of a tree {"a", "b"}."""
    return scale * (weights["a"] ** 3).sum() + (weights["b"] ** 2).sum()


def test_differences_of_a_cubic_are_its_slope_and_h_squared_at_the_chosen_coordinates():
    weights = {"a": np.array([[1.0, -2.0], [0.5, 3.0]]), "b": np.array([4.0, -1.0])}
    with jax.enable_x64(True):
        found = np.asarray(central_differences(cubic, weights, np.array([5, 1, 4, 2]), np.float64(0.1), 2.0))
    # ((a + h)³ − (a − h)³) / 2h = 3a² + h²; of b² it is exact.
    np.testing.assert_allclose(found, [-2, 2 * (12 + 0.01), 8, 2 * (0.75 + 0.01)], rtol=1e-12)


def test_the_distance_is_relative_to_what_is_right():
    assert relative_distance([3.0, 4.0], [3.0, 0.0]) == pytest.approx(4 / 3)
    assert relative_distance([3.0, 0.0], [3.0, 4.0]) == pytest.approx(4 / 5)


def test_norms_are_relative_to_the_weights_layer_by_layer():
    weights = {"a": {"conv": {"kernel": np.full((1, 1, 2, 2), 3.0)}}, "dense": {"kernel": np.ones((4, 1))}}
    weights["dense"]["bias"] = np.zeros(1)
    slopes = jax.tree.map(lambda w: 0.5 * w, weights)
    slopes["dense"]["kernel"] = np.array([[3.0], [4.0], [0.0], [0.0]])
    norms = relative_norms(slopes, weights)
    assert {layer: float(norm) for layer, norm in norms.items()} == {"a/conv": 0.5, "dense": 2.5}


def test_two_gradients_of_nothing_do_not_differ(recwarn):
    assert relative_distance(np.zeros(3), np.zeros(3)) == 0 and not recwarn
