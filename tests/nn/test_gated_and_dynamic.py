"""Gated and dynamic-filter convolution against loops in numpy."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized
from scipy.signal import correlate2d

from deeplearn.nn import dynamic_filter
from deeplearn.nn.dynamic_filter import DynamicFilters, dynamic_conv, dynamic_local_filter
from deeplearn.nn.gated import GatedConv
from tests.nn.layer_checks import assert_one_function, normal


class Layers(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True, with_pmap=True)
    @parameterized.parameters(None, jnp.bfloat16)
    def test_a_gated_convolution_is_values_times_gates(self, dtype):
        x, kernel, bias = normal(0, 1, 5, 6, 3), normal(1, 3, 3, 3, 4), normal(2, 4)
        module = GatedConv(2, (3, 3), dtype=dtype)
        full = np.zeros((5, 6, 4)) + bias
        for c, f in np.ndindex(3, 4):
            full[:, :, f] += correlate2d(x[0, :, :, c], kernel[:, :, c, f], mode="same")
        expected = full[:, :, :2] / (1 + np.exp(-full[:, :, 2:]))
        y = self.variant(module.apply)({"params": {"Conv_0": {"kernel": kernel, "bias": bias}}}, x)
        assert y.dtype == (dtype or jnp.float32)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(
            np.asarray(y[0], np.float32) / scale, expected / scale, atol=0.03 if dtype else 1e-6
        )


def test_a_causal_gated_convolution_cannot_see_the_future():
    x, module = normal(0, 1, 8, 3), GatedConv(4, (3,), padding="CAUSAL")
    variables = module.init(jax.random.key(0), x)
    sees = np.abs(jax.jacobian(lambda x: module.apply(variables, x).sum((0, 2)))(x)).sum((1, 3))
    np.testing.assert_array_equal(sees > 0, np.tri(8, dtype=bool) & ~np.tri(8, k=-3, dtype=bool))


@pytest.mark.parametrize(("height", "width", "channels", "features"), [(3, 3, 2, 4), (5, 2, 1, 1)])
def test_each_example_has_its_own_filters(height, width, channels, features):
    x, filters = normal(0, 3, 6, 5, channels), normal(1, 3, height, width, channels, features)
    padded = np.pad(x, ((0, 0), ((height - 1) // 2, height // 2), ((width - 1) // 2, width // 2), (0, 0)))
    expected = np.zeros((3, 6, 5, features))
    for b, c, f in np.ndindex(3, channels, features):
        expected[b, :, :, f] += correlate2d(padded[b, :, :, c], filters[b, :, :, c, f], mode="valid")
    np.testing.assert_allclose(jax.jit(dynamic_conv)(x, filters), expected, rtol=1e-4, atol=1e-5)
    assert_one_function(dynamic_filter._products, dynamic_filter._grouped, x, filters)
    y = jax.jit(dynamic_conv)(x.astype(jnp.bfloat16), filters.astype(jnp.bfloat16))
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(y, np.float32), expected, atol=0.03 * np.abs(expected).max())


def test_filters_are_a_dense_layer_of_the_example_s_mean_features():
    x, module = normal(0, 2, 5, 6, 3), DynamicFilters(2, (3, 1))
    variables = module.init(jax.random.key(0), x)
    dense = variables["params"]["Dense_0"] | {"bias": normal(1, 18)}
    y = module.apply({"params": {"Dense_0": dense}}, x)
    for b in range(2):
        filters = (x[b].mean((0, 1)) @ dense["kernel"] + dense["bias"]).reshape(3, 1, 3, 2)
        for f in range(2):
            expected = sum(correlate2d(x[b, :, :, c], filters[:, :, c, f], mode="same") for c in range(3))
            np.testing.assert_allclose(y[b, :, :, f], expected, rtol=1e-4, atol=1e-5)


class LocalFilters(chex.TestCase):
    @chex.all_variants
    def test_each_pixel_has_its_own_filter(self):
        x, filters = normal(0, 2, 4, 5, 3), normal(1, 2, 4, 5, 3, 3)
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        expected = np.zeros(x.shape)
        for b, i, j in np.ndindex(2, 4, 5):
            expected[b, i, j] = np.einsum("hw,hwc->c", filters[b, i, j], padded[b, i : i + 3, j : j + 3])
        np.testing.assert_allclose(self.variant(dynamic_local_filter)(x, filters), expected, rtol=1e-4, atol=1e-5)


def test_filters_that_are_one_pixel_move_the_image():
    """The paper's use in video prediction: a local filter of a single one is a displacement, pixel by pixel."""
    x = normal(0, 1, 4, 4, 1)
    filters = np.zeros((1, 4, 4, 3, 3), np.float32)
    filters[..., 1, 2] = 1  # look one to the right
    moved = dynamic_local_filter(x, filters)
    np.testing.assert_array_equal(moved[:, :, :-1], x[:, :, 1:])
    assert not moved[:, :, -1].any()
