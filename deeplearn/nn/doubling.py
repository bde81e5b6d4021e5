"""StyleGAN's convolution to twice the side: transposed, then blurred (Karras et al. 2019, section 2)."""

from __future__ import annotations

import flax.linen as nn
import jax

from deeplearn.nn.equalized import fan_in_scale
from deeplearn.nn.fir import blurred
from deeplearn.nn.transposed import transposed_convolution


def doubling_convolution(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """x [B, H, W, C], kernel [3, 3, C, features] -> [B, 2H, 2W, features].

    The transposed convolution makes 2H + 1 pixels a side; the filter makes up for the zeros between its inputs.
    """
    return blurred(transposed_convolution(x, kernel, 2), 1, 1, gain=4.0)


class DoublingConv(nn.Module):
    """[B, H, W, C] -> [B, 2H, 2W, features], with an equalised learning rate."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        kernel = self.param("kernel", nn.initializers.normal(1.0), (3, 3, x.shape[-1], self.features))
        x, kernel = nn.dtypes.promote_dtype(x, kernel)
        return doubling_convolution(x, kernel * fan_in_scale(kernel))
