"""The losses of generator and discriminator, or critic, on logits and scores.

Logits are of any shape, a number for each example or for each patch; a loss is their mean.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.functional import softplus


def discriminator_loss(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
    """−E log D(x) − E log(1 − D(G(z))) (Goodfellow et al. 2014, equation 1), D = sigmoid of the logits."""
    return softplus(-real_logits).mean() + softplus(fake_logits).mean()


def saturating_loss(fake_logits: jax.Array) -> jax.Array:
    """E log(1 − D(G(z))), the generator's loss in the minimax game; flat where D is sure of a fake."""
    return -softplus(fake_logits).mean()


def non_saturating_loss(fake_logits: jax.Array) -> jax.Array:
    """−E log D(G(z)) (section 3): the same fixed point, strong gradients where D is sure."""
    return softplus(-fake_logits).mean()


def gradient_penalty(
    critic: Callable[[jax.Array], jax.Array], real: jax.Array, fake: jax.Array, key: jax.Array
) -> jax.Array:
    """E (‖∇ critic(x̂)‖ − 1)², x̂ uniform on the lines between real and fake (Gulrajani et al. 2017, equation 3).

    real, fake: [batch, ...] of one shape. critic: a function [batch, ...] -> [batch] or [batch, 1] without batch
    norm, since each example has its own gradient.
    """
    assert_shapes(real=(real, "batch *example"), fake=(fake, "batch *example"))
    mix = jax.random.uniform(key, (len(real),) + (1,) * (real.ndim - 1))
    between = mix * real + (1 - mix) * fake

    def score(x: jax.Array) -> jax.Array:
        scores = critic(x)
        assert_shapes(**{"critic's output": (scores, f"{len(real)} 1" if scores.ndim == 2 else f"{len(real)}")})
        return scores.sum()

    slopes = jax.grad(score)(between)
    # The root's derivative at zero is infinite, and a critic of all zeros can occur.
    norms = jnp.sqrt((slopes.reshape(len(real), -1) ** 2).sum(-1) + 1e-12)
    return ((norms - 1) ** 2).mean()
