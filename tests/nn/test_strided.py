"""The convolution of critics in both its forms, and against Flax's own."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn.strided import HalvingConv, _as_matrix_product, _native

generator = np.random.default_rng(0)
X = generator.normal(size=(2, 6, 4, 3)).astype(np.float32)
KERNEL = generator.normal(size=(4, 4, 3, 5)).astype(np.float32)
DIRECTION = generator.normal(size=(2, 3, 2, 5)).astype(np.float32)


def value(form):
    return form(X, KERNEL)


def gradients(form):
    return jax.grad(lambda x, kernel: jnp.sin(form(x, kernel)).sum(), (0, 1))(X, KERNEL)


def penalty_gradients(form):
    """Second order: how a penalty on the slope with respect to x changes with the kernel and with x."""

    def penalty(x, kernel):
        slope = jax.grad(lambda x: (jnp.sin(form(x, kernel)) * DIRECTION).sum())(x)
        return (slope**2).sum()

    return jax.grad(penalty, (0, 1))(X, KERNEL)


@pytest.mark.parametrize("quantity", [value, gradients, penalty_gradients])
def test_both_forms_are_one_function(quantity):
    matrix, native = (jax.jit(lambda form=form: quantity(form))() for form in (_as_matrix_product, _native))
    chex.assert_trees_all_close(matrix, native, rtol=1e-3, atol=1e-3)
    assert all(np.abs(leaf).max() > 1 for leaf in jax.tree.leaves(native))


class AgainstFlax(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True, with_pmap=True)
    def test_it_is_flax_s_convolution_of_the_same_weights(self):
        params = {"kernel": KERNEL, "bias": generator.normal(size=5).astype(np.float32)}
        ours, flax = HalvingConv(5), nn.Conv(5, (4, 4), strides=2, padding=1)
        for module in (ours, flax):
            shapes = jax.eval_shape(module.init, jax.random.key(0), X)["params"]
            assert {name: leaf.shape for name, leaf in shapes.items()} == {"kernel": (4, 4, 3, 5), "bias": (5,)}
        found, expected = (self.variant(module.apply)({"params": params}, X) for module in (ours, flax))
        assert found.shape == (2, 3, 2, 5)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_it_starts_with_outputs_of_its_inputs_variance():
    """LeCun's initialisation: weights of variance 1/(16 C), biases of zero."""
    key = jax.random.key(0, impl="unsafe_rbg")  # the others take long to compile
    params = jax.jit(HalvingConv(64).init)(key, np.ones((1, 2, 2, 16), np.float32))["params"]
    assert float(np.std(params["kernel"])) == pytest.approx(1 / 16, rel=0.05)
    assert not params["bias"].any()


def test_it_computes_in_the_type_it_is_given():
    module = HalvingConv(5, dtype=jnp.bfloat16)
    params = {"kernel": KERNEL, "bias": np.zeros(5, np.float32)}
    y = jax.jit(module.apply)({"params": params}, X)
    exact = jax.jit(HalvingConv(5).apply)({"params": params}, X)
    assert y.dtype == jnp.bfloat16 and exact.dtype == jnp.float32
    difference = np.abs(np.asarray(y, np.float32) - exact).max()
    assert 1e-3 < difference < 0.3
    assert jax.eval_shape(module.init, jax.random.key(0), X)["params"]["kernel"].dtype == jnp.float32
