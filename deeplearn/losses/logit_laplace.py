"""The likelihood of pixels that DALL·E's discrete VAE has (Ramesh et al. 2021, appendix A.3)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.functional import map_pixels


def logit_laplace_log_density(x: jax.Array, mean: jax.Array, log_scale: jax.Array) -> jax.Array:
    """log of 1/(2 b y (1 − y)) exp(−|logit y − μ| / b) at y = `map_pixels`(x), any shape, in nats (equation 5).

    x: pixels in [0, 1]; mean: μ; log_scale: log b, all of one shape.
    """
    assert_shapes(x=(x, "*shape"), mean=(mean, "*shape"), log_scale=(log_scale, "*shape"))
    y = map_pixels(x)
    logit = jnp.log(y) - jnp.log1p(-y)
    return -jnp.abs(logit - mean) * jnp.exp(-log_scale) - log_scale - jnp.log(2 * y * (1 - y))
