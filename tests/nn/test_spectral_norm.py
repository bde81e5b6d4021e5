"""Spectral norm: the normalised kernels' singular values by numpy, and what moves when."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.nn.spectral_norm import SpectralNorm


class Network(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        x = nn.Conv(5, (2, 2), padding="VALID")(x)
        return nn.Dense(3)(x.reshape(len(x), -1))


class Flat(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        return nn.Dense(2, use_bias=False)(x)


def randomised(variables, rng):
    """Parameters at random: biases begin at zero, and so would be of no effect."""
    random = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), variables["params"])
    return {**variables, "params": random}


def test_each_kernel_is_divided_by_its_largest_singular_value():
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(4, 3, 3, 2)), jnp.float32)
    model = SpectralNorm(Network())
    variables = randomised(model.init(jax.random.key(0), x), rng)

    @jax.jit
    def call(variables):
        return model.apply(variables, x, train=True, mutable=["spectral"])

    before = variables["spectral"]
    for _ in range(60):  # steps of the power iteration
        out, changed = call(variables)
        variables = {**variables, **changed}
    assert any(np.abs(a - b).max() > 0.01 for a, b in zip(*map(jax.tree.leaves, (before, changed)), strict=True))

    params = {"params": jax.tree.map(np.array, variables["params"]["network"])}
    for layer in params["params"].values():
        kernel = layer["kernel"]
        layer["kernel"] = kernel / np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]
    np.testing.assert_allclose(out, Network().apply(params, x), rtol=1e-4, atol=1e-4)
    # Evaluation uses the same estimate and moves nothing.
    still, unchanged = model.apply(variables, x, mutable=["spectral"])
    np.testing.assert_allclose(still, out, rtol=1e-4, atol=1e-4)
    jax.tree.map(np.testing.assert_array_equal, unchanged["spectral"], variables["spectral"])


def test_the_gradient_takes_the_vectors_as_constants():
    """d/dW of W/(uᵀWv) along W itself is 0: a longer kernel is the same kernel."""
    rng = np.random.default_rng(1)
    x = jnp.asarray(rng.normal(size=(4, 3)), jnp.float32)
    flat = SpectralNorm(Flat())
    variables = flat.init(jax.random.key(0), x)
    gradient = jax.grad(lambda p: jnp.square(flat.apply({**variables, "params": p}, x)).sum())(variables["params"])
    (kernel,), (slope,) = jax.tree.leaves(variables["params"]), jax.tree.leaves(gradient)
    assert np.abs(slope).max() > 0.1
    np.testing.assert_allclose((slope * kernel).sum(), 0, atol=1e-4)
