"""Evaluating a latent-variable model p(x, z) = p(z) p(x|z) with an encoder q(z|x).

The likelihood of test data has no closed form. It is bounded from below by importance sampling:

    z_1 … z_k ~ q(z|x),   log w_i = log p(x|z_i) + log p(z_i) − log q(z_i|x),   L_k = log 1/k Σ w_i,

where k = 1 gives the evidence lower bound and k = 5000 is the field's usual estimate of log p(x).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

if TYPE_CHECKING:
    from deeplearn.train.trained import Trained


def importance_weighted_bound(log_weights: jax.Array, axis: int = 0) -> jax.Array:
    """L_k of Burda et al. 2015 (eq. 8), in nats: the log of the mean importance weight over `axis`."""
    return logsumexp(log_weights, axis=axis) - jnp.log(log_weights.shape[axis])


def log_likelihood_bound(
    trained: Trained, log_weights: Callable[..., jax.Array], x: np.ndarray, samples: int = 5000, block: int = 250
) -> np.ndarray:
    """The importance-weighted bound on log p(x) of every row of x [N, D], in nats: [N].

    Args:
        trained: the model and its weights.
        log_weights: function (model, rows [n, D], samples) -> log w at that many draws of q(z|x), [n, samples].
        samples: draws for each row, a multiple of `block`, the number drawn at a time to bound memory.
    """
    if samples % block:
        raise ValueError(f"samples={samples} is not a multiple of block={block}")
    blocks = [trained.folded(i).over(log_weights, x, size=100, samples=block) for i in range(samples // block)]
    return np.asarray(importance_weighted_bound(jnp.asarray(np.concatenate(blocks, axis=1)), axis=1))


def active_units(posterior_means: np.ndarray, threshold: float = 0.01) -> int:
    """How many of a VAE's latents carry information about the input.

    A latent is active when the mean of its posterior varies with the input: Var_x(E_q[z|x]) > threshold
    (Burda et al. 2015, section 5.2). A latent that has collapsed to the prior has the same mean for all.

    Args:
        posterior_means: [N, L] encoder means of N test inputs.
    """
    chex.assert_rank(posterior_means, 2)
    return int(np.count_nonzero(np.var(posterior_means, axis=0) > threshold))


def bits_per_dim(nll: float, dimensions: int, bin_width: float = 1.0) -> float:
    """Negative log likelihood of quantised data in bits per dimension.

    A density of dequantised data is turned into the probability of a bin by the bin's width, and that
    width depends on the number of levels and on the range: 1/256 for 8 bits dequantised to [0, 1],
    2/256 for [−1, 1], 1/17 for the 17 levels of scikit-learn's digits in [0, 1].

    Args:
        nll: nats per example, summed over its dimensions.
        dimensions: values per example, height · width · channels for an image.
        bin_width: spacing of neighbouring levels in the units of the density; 1 where `nll` already is
            that of a discrete distribution.
    """
    return float(nll / (dimensions * np.log(2)) - np.log2(bin_width))
