"""DropConnect: a dense layer of which single weights are dropped (Wan et al. 2013)."""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.scipy.stats import norm

from deeplearn.nn.checks import assert_shapes


def masked_dense(
    key: jax.Array, v: jax.Array, kernel: jax.Array, bias: jax.Array, keep: float | jax.Array
) -> jax.Array:
    """(M ∘ W)ᵀ v + m ∘ b with a separate mask for each example, each entry 1 with probability `keep`.

    [batch, inputs] -> [batch, features]; the bias is masked too (section 3.1). Nothing is rescaled.
    """
    _assert_layer(v, kernel, bias)
    weights_key, bias_key = jax.random.split(key)
    mask = jax.random.bernoulli(weights_key, keep, (len(v), *kernel.shape))
    bias_mask = jax.random.bernoulli(bias_key, keep, (len(v), len(bias)))
    return jnp.einsum("bi,bio->bo", v, jnp.where(mask, kernel, 0)) + jnp.where(bias_mask, bias, 0)


def masked_moments(
    v: jax.Array, kernel: jax.Array, bias: jax.Array, keep: float | jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Mean and variance [batch, features] of `masked_dense` over its masks: p Wv and p(1 − p)(W∘W)(v∘v)."""
    _assert_layer(v, kernel, bias)
    mean = keep * (v @ kernel + bias)
    variance = keep * (1 - keep) * (jnp.square(v) @ jnp.square(kernel) + jnp.square(bias))
    return mean, variance


def rectified_mean(mean: jax.Array, variance: jax.Array) -> jax.Array:
    """E max(u, 0) of Gaussians u: μ Φ(μ/σ) + σ φ(μ/σ); mean and variance of one shape, any.

    The closed form of what `DropConnect` estimates by draws.
    """
    assert_shapes(mean=(mean, "*shape"), variance=(variance, "*shape"))
    std = jnp.sqrt(variance + 1e-12)
    return mean * norm.cdf(mean / std) + std * norm.pdf(mean / std)


def _assert_layer(v: jax.Array, kernel: jax.Array, bias: jax.Array) -> None:
    assert_shapes(v=(v, "batch inputs"), kernel=(kernel, "inputs features"), bias=(bias, "features"))


class DropConnect(nn.Module):
    """A dense layer with its activation: [batch, inputs] -> [batch, features].

    In training each example has its own mask. At inference the masked sums are replaced by a Gaussian u of the
    same mean and variance, and the activation is averaged over `draws` of it (algorithm 2). Both draw from the
    stream "noise". At inference the mean of the activation is not the activation of the mean.
    """

    features: int
    rate: float = 0.5
    activation: Callable[[jax.Array], jax.Array] = nn.relu
    draws: int = 1000
    dtype: jnp.dtype | None = None
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, v: jax.Array, train: bool) -> jax.Array:
        assert_shapes(v=(v, "batch inputs"))
        kernel = self.param("kernel", self.kernel_init, (v.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        v, kernel, bias = nn.dtypes.promote_dtype(v, kernel, bias, dtype=self.dtype)
        keep = 1 - self.rate
        if train:
            return self.activation(masked_dense(self.make_rng("noise"), v, kernel, bias, keep))
        mean, variance = masked_moments(v, kernel, bias, keep)
        draws = jax.random.normal(self.make_rng("noise"), (self.draws, *mean.shape), mean.dtype)
        return self.activation(mean + jnp.sqrt(variance) * draws).mean(0)
