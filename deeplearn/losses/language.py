"""What encoders of text are pretrained on: tokens that are hidden from them."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_integers, assert_shapes


def masked(
    key: jax.Array, tokens: jax.Array, allowed: jax.Array, mask: int, words: tuple[int, int], fraction: float = 0.15
) -> tuple[jax.Array, jax.Array]:
    """(what the encoder is shown, which tokens it is asked for bool): both [batch, time].

    Each token that is `allowed`, bool [batch, time], is asked for with probability `fraction`. Of these 80 % are
    shown as `mask`, 10 % as a random token, whose id is at least words[0] and below words[1], and 10 % as they are
    (Devlin et al. 2019, section 3.1). They ask for 15 % of the tokens exactly; here their number is random.
    """
    assert_shapes(tokens=(tokens, "batch time"), allowed=(allowed, "batch time"))
    assert_integers(tokens=tokens)
    choose, how, draw = jax.random.split(key, 3)
    asked = allowed & (jax.random.uniform(choose, tokens.shape) < fraction)
    drawn = jax.random.uniform(how, tokens.shape)
    word = jax.random.randint(draw, tokens.shape, *words, tokens.dtype)
    shown = jnp.where(drawn < 0.8, mask, jnp.where(drawn < 0.9, word, tokens))
    return jnp.where(asked, shown, tokens), asked
