"""The sparsity penalty Σⱼ KL(ρ ‖ ρ̂ⱼ), ρ̂ⱼ the mean activation of hidden unit j (Ng, CS294A notes)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes


def sparsity_penalty(h: jax.Array, target: float) -> jax.Array:
    """Σⱼ ρ log(ρ/ρ̂ⱼ) + (1 − ρ) log((1 − ρ)/(1 − ρ̂ⱼ)) in nats, a scalar.

    h: [batch, hidden] activations in (0, 1); ρ̂ is their mean over the batch, so small batches blur it.
    target: ρ, strictly between 0 and 1.
    """
    assert_shapes(h=(h, "batch hidden"))
    # The penalty of a unit that is off (or on) for the whole batch in float32 would be infinite.
    mean = jnp.clip(h.mean(0), 1e-6, 1 - 1e-6)
    off = (1 - target) * (jnp.log1p(-target) - jnp.log1p(-mean))
    return (target * (jnp.log(target) - jnp.log(mean)) + off).sum()
