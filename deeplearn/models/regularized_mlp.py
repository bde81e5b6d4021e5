"""A perceptron of one hidden layer that drops units (Srivastava et al. 2014) or weights (Wan et al. 2013)."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.dropconnect import masked_dense, masked_moments, rectified_mean


class RegularizedMLP(nn.Module):
    """x [batch, ...], strength [] -> logits [batch, outputs]; the hidden layer is of ReLU.

    method: "dropout" drops hidden units in training, "dropconnect" single weights of the hidden layer, with a mask
        for each example; anything else drops nothing.
    strength: the probability with which each is dropped; it may be traced, one for each member of a `Population`.
    At inference DropConnect takes the mean of the ReLU over the Gaussian of the same moments, in closed form.
    Masks are drawn from the stream "noise".
    """

    method: str
    width: int
    outputs: int

    @nn.compact
    def __call__(self, x: jax.Array, strength: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, "batch ..."), strength=(strength, ""))
        x, keep = x.reshape(len(x), -1), 1 - strength
        kernel = self.param("kernel", nn.initializers.he_normal(), (x.shape[-1], self.width))
        bias = self.param("bias", nn.initializers.zeros, (self.width,))
        if self.method == "dropconnect" and train:
            h = nn.relu(masked_dense(self.make_rng("noise"), x, kernel, bias, keep))
        elif self.method == "dropconnect":
            h = rectified_mean(*masked_moments(x, kernel, bias, keep))
        else:
            h = nn.relu(x @ kernel + bias)
        if self.method == "dropout" and train:
            h = jnp.where(jax.random.bernoulli(self.make_rng("noise"), keep, h.shape), h / keep, 0)
        return nn.Dense(self.outputs)(h)
