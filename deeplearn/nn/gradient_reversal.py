"""A layer that changes nothing on the way forward and the sign of the gradient on the way back."""

from __future__ import annotations

import jax


@jax.custom_vjp
def reverse_gradient(x: jax.Array, strength: jax.Array | float) -> jax.Array:
    """x, any shape; what comes back is multiplied by −strength (Ganin & Lempitsky 2015, equations 9 and 10).

    What is trained above it descends, what is trained below it ascends. `strength` itself gets no gradient.
    """
    return x


def _forward(x: jax.Array, strength: jax.Array | float) -> tuple[jax.Array, jax.Array | float]:
    return x, strength


def _backward(strength: jax.Array | float, gradient: jax.Array) -> tuple[jax.Array, None]:
    return -strength * gradient, None


reverse_gradient.defvjp(_forward, _backward)
