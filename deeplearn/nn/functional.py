"""Plain functions of numbers, and of modules and images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes


def as_function(module: nn.Module) -> Callable[..., Any]:
    """`module.__call__` as a pure function of its arguments, its present variables and no random streams.

    Inside `jax.grad` and similar transformations the effects of a bound module's call would leak tracers, which
    Flax 0.12 does not notice. This copy has no effects: layers that would draw random numbers or update statistics
    raise an error here and must be called in their evaluation mode. While parameters are initialised, call the
    module itself first.
    """
    unbound, variables = module.unbind()

    def function(*args: Any, **kwargs: Any) -> Any:
        return unbound.apply(variables, *args, **kwargs)

    return function


def by_rows(layer: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """`layer`, which maps rows [rows, features], on x [..., features] -> [..., other features].

    It changes no number. On CPU the gradient of a matrix that is multiplied with three axes or more is slower: XLA
    copies what comes back to another order first.
    """
    *before, features = x.shape
    rows = layer(x.reshape(math.prod(before), features))
    return rows.reshape(*before, rows.shape[-1])


def log_sigmoid(x: jax.Array) -> jax.Array:
    """log σ(x) = min(x, 0) − log(1 + e^{−|x|}), any shape, of finite x.

    On CPU faster than `jax.nn.log_sigmoid`, especially with its gradient: that takes more exponentials, to be right
    at infinity too. Minimum and absolute value are written so that the gradient is right at 0 and far above it.
    """
    modulus = jnp.where(x < 0, -x, x)
    return jnp.where(x < 0, x, 0) - jnp.log1p(jnp.exp(-modulus))


def softplus(x: jax.Array) -> jax.Array:
    """log(1 + eˣ), any shape, of finite x; as fast as `log_sigmoid`."""
    return -log_sigmoid(-x)


def black_and_white(image: Any) -> Any:
    """Grey images [batch, ...] in [0, 1] as flat ones [batch, pixels], 1 where above 1/2, else 0; JAX or numpy."""
    return flat((image > 0.5).astype(image.dtype))


def flat(x: Any) -> Any:
    """[batch, ...] -> [batch, all the rest], of JAX or numpy."""
    assert_shapes(x=(x, "batch ..."))
    return x.reshape(len(x), -1)


def binary(image: Any) -> Any:
    """Grey images [batch, ...] in [0, 1] as flat black and white ones [batch, pixels]: 1 above ½, float32.

    Of JAX or numpy.
    """
    return (flat(image) > 0.5).astype(jnp.float32)


def area_means(image: Any, side: int) -> Any:
    """Images [batch, height, width, channels] whose smaller side becomes `side`, each pixel the mean of its area.

    JAX or numpy. ValueError where the sides are no multiples.
    """
    batch, height, width, channels = image.shape
    factor, rest = divmod(min(height, width), side)
    if rest or not factor or height % factor or width % factor:
        raise ValueError(f"images of {height}×{width} pixels have no whole areas that make {side} of a side")
    if factor == 1:
        return image
    areas = image.reshape(batch, height // factor, factor, width // factor, factor, channels)
    return areas.mean((2, 4))


EDGE = 0.1  # of the map of pixels below


def map_pixels(x: Any) -> Any:
    """Pixels in [0, 1], any shape, into [.1, .9], where logits are small (Ramesh et al. 2021, appendix A.3)."""
    return (1 - 2 * EDGE) * x + EDGE


def unmap_pixels(x: Any) -> Any:
    """The inverse of `map_pixels`; what lies outside [.1, .9] lies outside [0, 1] again."""
    return (x - EDGE) / (1 - 2 * EDGE)
