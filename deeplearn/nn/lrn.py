"""Local response normalisation over neighbouring channels."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.nn.checks import assert_shapes


def local_response_norm(
    x: jax.Array, size: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75, convention: str = "paper"
) -> jax.Array:
    """x / (k + α Σx²)^β, the sum over `size` channels around each: [..., C] -> [..., C]; it follows the ReLU.

    Convention "paper": α times the sum (Krizhevsky et al. 2012, section 3.3). "mean": α/size times the sum, as
    in torch and Caffe, so that α = 5e-4 there is the paper's 1e-4.
    """
    if convention not in ("paper", "mean"):
        raise ValueError(f"no convention {convention!r}: paper or mean")
    assert_shapes(x=(x, "... channels"))
    precise = jnp.promote_types(x.dtype, jnp.float32)
    window, frame = [1] * x.ndim, [(0, 0)] * x.ndim
    window[-1], frame[-1] = size, (size // 2, (size - 1) // 2)
    squares = jnp.square(x.astype(precise))
    total = jax.lax.reduce_window(squares, np.zeros((), precise), jax.lax.add, window, [1] * x.ndim, frame)
    scale = k + (alpha if convention == "paper" else alpha / size) * total
    if beta == 0.75:
        root = jax.lax.rsqrt(scale)
        factor = root * jnp.sqrt(root)  # a power is six times as slow on CPU
    else:
        factor = scale**-beta
    return (x * factor).astype(x.dtype)
