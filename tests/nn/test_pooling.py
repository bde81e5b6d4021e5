"""Pools against torch, brute force and the native operations; ties, gaps and NaN included."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized

from deeplearn.nn import pooling
from deeplearn.nn.pooling import avg_pool, l2_pool, max_pool, stochastic_pool
from deeplearn.nn.windows import windows
from tests.nn.layer_checks import assert_one_function, golden, normal, value_and_gradients

CASES = {
    "max_3_2_0": lambda x: max_pool(x, 3, 2),
    "max_3_2_0_ceil": lambda x: max_pool(x, 3, 2, ceil_mode=True),
    "max_2_2_1_ceil": lambda x: max_pool(x, 2, None, 1, ceil_mode=True),
    "max_3_1_1": lambda x: max_pool(x, 3, 1, "SAME"),
    "average_3_2_1": lambda x: avg_pool(x, 3, 2, 1),
    "average_3_2_1_inside": lambda x: avg_pool(x, 3, 2, 1, count_include_pad=False),
    "l2_3_2": lambda x: l2_pool(x, 3, 2),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pool_is_torch_s_in_value_and_gradient(case):
    expected = golden(case)
    y, dx = value_and_gradients(CASES[case], expected["g"], expected["x"])
    np.testing.assert_allclose(y, expected["y"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(dx, expected["dx"], rtol=1e-4, atol=1e-5)


# Small whole numbers: nearly every window has several largest values.
TIES = np.random.default_rng(0).integers(0, 3, (2, 7, 8, 3)).astype(np.float32)
GEOMETRIES = [(2, 2, "VALID"), (3, 2, "SAME"), ((2, 3), (3, 1), ((1, 0), (2, 1))), (3, 1, 1), ((4, 1), 2, "VALID")]


@pytest.mark.parametrize(("size", "strides", "padding"), GEOMETRIES)
def test_both_forms_agree_on_ties(size, strides, padding):
    how = windows(TIES.shape, size, strides, padding)
    sliced, native = ((lambda x, f=f: f(x, how)) for f in (pooling._sliced_max, pooling._native_max))
    assert_one_function(sliced, native, TIES)
    sliced, native = ((lambda x, f=f: f(x, how)) for f in (pooling._sliced_sum, pooling._native_sum))
    assert_one_function(sliced, native, TIES)


def test_derivatives_on_ties_are_those_of_the_first_of_the_largest():
    """To second order, by brute force; the native pool's own second derivative differs where windows overlap."""
    x, padded = TIES, np.pad(TIES, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    places = np.pad(np.arange(x.size).reshape(x.shape), ((0, 0), (1, 1), (1, 1), (0, 0)))
    g = normal(1, 2, 4, 4, 3)
    chosen = np.empty(g.shape, int)
    for b, i, j, c in np.ndindex(g.shape):
        at = b, slice(2 * i, 2 * i + 3), slice(2 * j, 2 * j + 3), c
        chosen[b, i, j, c] = places[at].ravel()[padded[at].argmax()]
    chosen, flat = chosen.ravel(), g.ravel()
    largest = x.ravel()[chosen]
    expected = np.bincount(chosen, np.cos(largest) * flat, x.size)
    curvature = np.bincount(chosen, -np.sin(largest) * flat * 2 * expected[chosen], x.size)

    def slope(x):
        return jax.grad(lambda x: (jnp.sin(max_pool(x, 3, 2, 1)) * g).sum())(x)

    found, second = jax.jit(lambda x: (slope(x), jax.grad(lambda x: (slope(x) ** 2).sum())(x)))(x)
    np.testing.assert_allclose(np.ravel(found), expected, atol=1e-5)
    np.testing.assert_allclose(np.ravel(second), curvature, atol=1e-4)


def test_nan_is_not_hidden():
    x = normal(0, 1, 4, 4, 1)
    for place in np.ndindex(2, 2):
        broken = x.copy()
        broken[0, place[0], place[1]] = np.nan
        found = np.isnan(max_pool(broken, 2))[0, :, :, 0]
        np.testing.assert_array_equal(found, [[True, False], [False, False]])


class Precision(chex.TestCase):
    @chex.all_variants
    @parameterized.named_parameters(
        ("max", max_pool),
        ("avg", avg_pool),
        ("l2", l2_pool),
        ("stochastic", lambda x, k: stochastic_pool(x, None, k)),
    )
    def test_pools_keep_bfloat16(self, pool):
        x = np.abs(normal(0, 2, 4, 4, 3))
        halved = self.variant(lambda x: pool(x, 2))
        exact, y = halved(x), halved(jnp.asarray(x, jnp.bfloat16))
        assert y.dtype == jnp.bfloat16
        np.testing.assert_allclose(np.asarray(y, np.float32), exact, rtol=0.02)


def test_stochastic_pooling_draws_in_proportion():
    """One window of 1, 2, 0, 5, ten thousand times: fractions within four standard errors, slopes at the drawn."""
    values, n = np.array([1, 2, 0, 5], np.float32), 10_000
    x = np.broadcast_to(values.reshape(1, 2, 2, 1), (n, 2, 2, 1))
    y, pull = jax.vjp(lambda x: stochastic_pool(x, jax.random.key(0), 2), x)
    fractions = np.array([(y == v).mean() for v in values])
    p = values / values.sum()
    assert fractions[2] == 0 and fractions.sum() == pytest.approx(1)
    assert (np.abs(fractions - p) <= 4 * np.sqrt(p * (1 - p) / n)).all()
    (slope,) = pull(np.ones_like(y))
    np.testing.assert_array_equal(slope, (x == y).astype(np.float32))


def test_stochastic_pooling_at_inference_is_the_expectation_over_overlapping_windows():
    x = np.maximum(normal(0, 2, 7, 5, 3), 0)
    x[0, :3, :3] = 0
    expected = np.zeros((2, 3, 2, 3))
    for b, i, j, c in np.ndindex(2, 3, 2, 3):
        window = x[b, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3, c]
        expected[b, i, j, c] = (window**2).sum() / window.sum() if window.any() else 0
    y, dx = value_and_gradients(lambda x: stochastic_pool(x, None, 3, 2), np.ones_like(expected), x)
    np.testing.assert_allclose(y, expected, rtol=1e-5)
    assert np.isfinite(dx).all()
    drawn = np.asarray(jax.jit(lambda key: stochastic_pool(x, key, 3, 2))(jax.random.key(1)))
    assert not drawn[0, 0, 0].any() and np.isfinite(drawn).all()


@pytest.mark.parametrize("pool", [max_pool, avg_pool])
def test_an_image_without_room_for_a_window_is_told(pool):
    assert pool(jnp.ones((1, 2, 3, 1)), 2).shape == (1, 1, 1, 1)
    with pytest.raises(AssertionError, match=r"1 pixel.* smaller than a window of 2"):
        pool(jnp.ones((1, 1, 3, 1)), 2)
