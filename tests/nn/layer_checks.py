"""For the tests of layers: torch's results, and one function in two forms compared with its derivatives."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

with np.load(Path(__file__).parents[1] / "golden" / "layers.npz") as file:
    GOLDEN = dict(file)


def golden(name):
    """{"x": …, "dx": …} of one case."""
    return {key.split("/")[1]: value for key, value in GOLDEN.items() if key.startswith(f"{name}/")}


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def value_and_gradients(form, g, *args):
    """The form's value and the gradients of (value · g).sum() in all arguments."""

    def run(*args):
        y, pull = jax.vjp(form, *args)
        return y, *pull(g.astype(y.dtype))

    return jax.jit(run)(*args)


def assert_one_function(one, other, *args, orders=1):
    """Equal values and gradients; with orders=2 also gradients of a norm of the gradients."""
    shape = jax.eval_shape(other, *args).shape
    g = normal(99, *shape)
    everything = tuple(range(len(args)))

    def penalty(form):
        slopes = jax.grad(lambda *args: (jnp.sin(form(*args)) * g).sum(), everything)
        return jax.jit(jax.grad(lambda *args: sum((slope**2).sum() for slope in slopes(*args)), everything))(*args)

    found, expected = (value_and_gradients(form, g, *args) for form in (one, other))
    if orders == 2:
        found, expected = (*found, *penalty(one)), (*expected, *penalty(other))
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        scale = np.abs(b).max()
        assert scale > 0.1
        np.testing.assert_allclose(a / scale, b / scale, atol=1e-5)
