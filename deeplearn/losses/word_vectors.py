"""Losses of word vectors: of a word's vector and the words near it, each a sum over pairs."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.mean import Mean
from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.functional import softplus


def negative_sampling(
    hidden: jax.Array, found: jax.Array, ids: jax.Array, noise: jax.Array, noise_ids: jax.Array, negatives: int
) -> jax.Array:
    """−Σ [log σ(h·u) + k E log σ(−h·u′)] over pairs of h and what is found near it (Mikolov et al. 2013b, eq. 4).

    The paper draws k noise words u′ for each pair. Here the batch's pairs share S of them, each of which counts as
    k / S: the same expectation with less variance, and a product of matrices instead of many small ones (Ji et al.
    2016). As in the paper's program a noise word that is the very word that was found does not count.

    Args:
        hidden: h, [B, D]. found: output vectors u of what is near, [B, P, D]; ids: theirs, [B, P], 0 for none.
        noise: output vectors u′ [S, D] of noise_ids [S]. negatives: k.
    """
    assert_shapes(
        hidden=(hidden, "batch features"),
        found=(found, "batch places features"),
        ids=(ids, "batch places"),
        noise=(noise, "drawn features"),
        noise_ids=(noise_ids, "drawn"),
    )
    near = ids != 0
    true = jnp.where(near, softplus(-jnp.einsum("bd,bpd->bp", hidden, found)), 0).sum()
    counted = (near[:, :, None] & (ids[:, :, None] != noise_ids)).sum(1)  # [B, S]
    return true + negatives / len(noise) * (counted * softplus(hidden @ noise.T)).sum()


def hierarchical_softmax(hidden: jax.Array, weight: jax.Array, nodes: jax.Array, sign: jax.Array) -> jax.Array:
    """−Σ log p(word | h), where p = Π σ(± h·v) over the nodes on the way to the word (Morin & Bengio 2005).

    hidden: h, [B, P, D], weighed by [B, P]. nodes: their vectors v, [B, L, D]; sign: the turns ±1, [B, L], 0 after
    the word is reached. Over all words p sums to 1.
    """
    assert_shapes(
        hidden=(hidden, "batch places features"),
        weight=(weight, "batch places"),
        nodes=(nodes, "batch depth features"),
        sign=(sign, "batch depth"),
    )
    turns = jnp.einsum("bpd,bld->bpl", hidden, nodes)
    bits = jnp.where(sign[:, None] != 0, softplus(-sign[:, None] * turns), 0)
    return (weight[:, :, None] * bits).sum()


def weighed_least_squares(estimate: jax.Array, count: jax.Array, most: float, power: float) -> jax.Array:
    """Σ f(X) (estimate − ln X)² / 2 with f(X) = min(1, (X / most)^power), of [B] (Pennington et al. 2014, 8 and 9).

    The half is that of the paper's program.
    """
    assert_shapes(estimate=(estimate, "pairs"), count=(count, "pairs"))
    weight = jnp.minimum(1, (count / most) ** power)
    return (weight * (estimate - jnp.log(count)) ** 2).sum() / 2


def per_row(total: jax.Array, pairs: jax.Array) -> tuple[jax.Array, dict[str, Mean]]:
    """(the mean of a sum over the batch's rows, {"loss_per_pair"}); pairs [B, ...] is 0 where there is none.

    Over rows and not pairs: the optimiser multiplies by rows, so each pair moves vectors as if it came alone.
    """
    return total / len(pairs), {"loss_per_pair": Mean(total, (pairs != 0).sum())}
