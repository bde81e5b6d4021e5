"""The losses of generator and discriminator, or critic, on logits and scores.

Logits are of any shape, a number for each example or for each patch; a loss is their mean. `GAMES` names them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
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


def hinge_loss(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
    """E max(0, 1 − D(x)) + E max(0, 1 + D(G(z))) (Lim & Ye 2017; Miyato et al. 2018, equation 16)."""
    return nn.relu(1 - real_logits).mean() + nn.relu(1 + fake_logits).mean()


def least_squares_loss(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
    """½ E (D(x) − 1)² + ½ E D(G(z))² (Mao et al. 2017, equation 9)."""
    return ((real_logits - 1) ** 2).mean() / 2 + (fake_logits**2).mean() / 2


def least_squares_generator_loss(fake_logits: jax.Array) -> jax.Array:
    """½ E (D(G(z)) − 1)² (Mao et al. 2017, equation 9)."""
    return ((fake_logits - 1) ** 2).mean() / 2


def critic_loss(real_scores: jax.Array, fake_scores: jax.Array) -> jax.Array:
    """E f(G(z)) − E f(x): minus the earth mover's distance where f is the best 1-Lipschitz function (Arjovsky et
    al. 2017, equation 2)."""
    return fake_scores.mean() - real_scores.mean()


def score_loss(fake_scores: jax.Array) -> jax.Array:
    """−E f(G(z)), the generator's loss against a critic, and against a discriminator of the hinge loss."""
    return -fake_scores.mean()


class Game(NamedTuple):
    """discriminator: (logits of real, logits of fake) -> loss. generator: logits of fake -> loss."""

    discriminator: Callable[[jax.Array, jax.Array], jax.Array]
    generator: Callable[[jax.Array], jax.Array]


GAMES = {
    "non_saturating": Game(discriminator_loss, non_saturating_loss),
    "saturating": Game(discriminator_loss, saturating_loss),
    "hinge": Game(hinge_loss, score_loss),
    "least_squares": Game(least_squares_loss, least_squares_generator_loss),
    "wasserstein": Game(critic_loss, score_loss),
}


def r1_penalty(critic: Callable[[jax.Array], jax.Array], real: jax.Array) -> jax.Array:
    """E ‖∇ critic(x)‖² at real x [batch, ...] (Mescheder et al. 2018, equation 9, without its γ/2).

    critic: a function [batch, ...] -> [batch, ...], of which each example has its own gradient; of several numbers
    for an example, such as those of patches, the gradient of their sum counts.
    """
    slopes = jax.grad(lambda x: critic(x).astype(jnp.float32).sum())(real)
    return jnp.square(slopes.reshape(len(real), -1)).sum(-1).mean()


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
