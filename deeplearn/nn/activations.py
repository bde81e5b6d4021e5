"""Activations by name, the initialisation that suits each, and dropout for SELU."""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

# α and λ for which mean 0 and variance 1 are a fixed point (Klambauer et al. 2017, equation 14).
SELU_ALPHA = 1.6732632423543772
SELU_LAMBDA = 1.0507009873554805
LEAKY_SLOPE = 0.01  # Maas et al. 2013

_BY_NAME: dict[str, Callable[[jax.Array], jax.Array]] = {
    "sigmoid": nn.sigmoid,
    "tanh": nn.tanh,
    "relu": nn.relu,
    "leaky_relu": lambda x: nn.leaky_relu(x, LEAKY_SLOPE),
    "elu": nn.elu,
    "selu": lambda x: SELU_LAMBDA * nn.elu(x, SELU_ALPHA),
    "gelu": lambda x: nn.gelu(x, approximate=False),
    "gelu_tanh": lambda x: nn.gelu(x, approximate=True),
    "quick_gelu": lambda x: x * nn.sigmoid(1.702 * jnp.asarray(x)),
    "silu": nn.silu,
}

# 1/E[a(z)²] for z ~ N(0, 1): with weights of this variance over the fan-in, the variance of pre-activations is
# kept from layer to layer (He et al. 2015, equations 7 to 10 and 15). ELU: 1 / (1 + e²Φ(−2) − 2√e Φ(−1)).
_SCALES = {"relu": 2.0, "leaky_relu": 2 / (1 + LEAKY_SLOPE**2), "elu": 1.5505188080679277, "selu": 1.0}


def by_name(name: str) -> Callable[[jax.Array], jax.Array]:
    """The elementwise function: sigmoid, tanh, relu, leaky_relu (slope .01), elu (Clevert et al. 2016), selu, …

    gelu is x Φ(x), gelu_tanh and quick_gelu its two approximations (Hendrycks & Gimpel 2016, section 2), silu
    x σ(x).
    """
    if name not in _BY_NAME:
        raise ValueError(f"no activation {name!r}: {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def initializer_for(name: str) -> nn.initializers.Initializer:
    """The kernel initialiser for layers that feed this activation.

    Sigmoid and tanh: Glorot & Bengio 2010 (equation 16; four times as wide for the sigmoid, whose slope at zero is
    a quarter). The others: normal, with the variance that keeps the second moment of pre-activations (He et al.
    2015; for SELU this is LeCun's, as in Klambauer et al. 2017).
    """
    by_name(name)
    if name in _SCALES:
        return nn.initializers.variance_scaling(_SCALES[name], "fan_in", "normal")
    return nn.initializers.variance_scaling(16.0 if name == "sigmoid" else 1.0, "fan_avg", "uniform")


class AlphaDropout(nn.Module):
    """Dropout that keeps mean 0 and variance 1 (Klambauer et al. 2017, section 3): dropped units become −λα.

    The affine map after it undoes the shift and the scale in expectation. Draws from the stream "noise".
    """

    rate: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        if not train or self.rate == 0:
            return x
        keep, low = 1 - self.rate, -SELU_LAMBDA * SELU_ALPHA
        scale = (keep * (1 + self.rate * low**2)) ** -0.5
        kept = jax.random.bernoulli(self.make_rng("noise"), keep, x.shape)
        return scale * (jnp.where(kept, x, low) - self.rate * low)
