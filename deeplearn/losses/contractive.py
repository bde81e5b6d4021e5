"""The contractive penalty ‖∂h/∂x‖²_F, three ways (Rifai et al. 2011, Contractive Auto-Encoders)."""

from __future__ import annotations

from collections.abc import Callable

import jax

from deeplearn.nn.checks import assert_shapes

Encoder = Callable[[jax.Array], jax.Array]


def sigmoid_layer_penalty(h: jax.Array, kernel: jax.Array) -> jax.Array:
    """Closed form for one sigmoid layer (equation 6 and below): Σⱼ (hⱼ(1 − hⱼ))² Σᵢ Wᵢⱼ².

    h: [batch, hidden] activations; kernel: [inputs, hidden]. Returns [batch]. Costs no more than the layer itself.
    """
    assert_shapes(h=(h, "batch hidden"), kernel=(kernel, "inputs hidden"))
    return ((h * (1 - h)) ** 2) @ (kernel**2).sum(0)


def exact_penalty(encoder: Encoder, x: jax.Array) -> jax.Array:
    """‖∂h/∂x‖²_F of any encoder [batch, inputs] -> [batch, hidden], by its exact Jacobian. Returns [batch].

    One forward-mode pass per input: a check, and for small inputs a choice.
    """
    assert_shapes(x=(x, "batch inputs"))
    jacobians = jax.vmap(jax.jacfwd(lambda row: encoder(row[None])[0]))(x)  # [batch, hidden, inputs]
    return (jacobians**2).sum((1, 2))


def hutchinson_penalty(encoder: Encoder, x: jax.Array, key: jax.Array, probes: int = 1) -> jax.Array:
    """Unbiased estimate of ‖∂h/∂x‖²_F: E‖vᵀJ‖² with random signs v (Hutchinson 1989). Returns [batch].

    One backward pass per probe, whatever the sizes.
    """
    h, pull_back = jax.vjp(encoder, x)
    assert_shapes(x=(x, "batch inputs"), **{"encoder's output": (h, "batch hidden")})
    signs = jax.random.rademacher(key, (probes, *h.shape), h.dtype)
    (slopes,) = jax.vmap(pull_back)(signs)  # [probes, batch, inputs]
    return (slopes**2).sum(-1).mean(0)
