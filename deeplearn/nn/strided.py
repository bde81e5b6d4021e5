"""The 4×4 stride-2 convolution of critics, with second derivatives that are fast on CPU."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import IMAGES, assert_shapes


def _native(x: jax.Array, kernel: jax.Array) -> jax.Array:
    dimensions = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, kernel, (2, 2), ((1, 1), (1, 1)), dimension_numbers=dimensions)


def _as_matrix_product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The same sums: 2×2 blocks of pixels become channels, four shifts are concatenated, and one product follows.

    A gradient penalty differentiates twice; all derivatives of this form are products, slices and pads.
    """
    batch, height, width, channels = x.shape
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows, columns = height // 2 + 1, width // 2 + 1
    x = x.reshape(batch, rows, 2, columns, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(batch, rows, columns, 4 * channels)
    shifts = [x[:, i : rows - 1 + i, j : columns - 1 + j] for i in range(2) for j in range(2)]
    # kernel[2i + a, 2j + b] meets pixel (a, b) of the block shifted by (i, j).
    flat = kernel.reshape(2, 2, 2, 2, channels, -1).transpose(0, 2, 1, 3, 4, 5).reshape(16 * channels, -1)
    return jnp.concatenate(shifts, axis=-1) @ flat


class HalvingConv(nn.Module):
    """Convolution with a 4×4 kernel, stride 2, padding 1: [B, H, W, C] -> [B, H/2, W/2, features]; H, W even.

    A matrix product on CPU, elsewhere the native convolution: equal in value and gradient.
    """

    features: int
    use_bias: bool = True
    dtype: jnp.dtype | None = None
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        if x.shape[1] % 2 or x.shape[2] % 2:
            raise ValueError(f"images of {x.shape[1]}×{x.shape[2]} pixels cannot be halved: both must be even")
        shape = (4, 4, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else None
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        y = jax.lax.platform_dependent(x, kernel, cpu=_as_matrix_product, default=_native)
        return y if bias is None else y + bias
