"""Convolution in groups, written to be fast on CPU."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.windows import Padding, Windows, windows

_MIN_CHANNELS = 32  # fewer channels leave a core idle: such groups are convolved together, with zeros between them
_MAX_GROUPS = 32  # this many convolutions side by side take half a minute to compile


def _native(x: jax.Array, kernel: jax.Array, how: Windows, groups: int) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        how.strides,
        how.frame,
        rhs_dilation=how.dilation,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def _together(channels: int, groups: int) -> int:
    """How many groups of `channels` inputs each are convolved as one: a divisor of `groups`."""
    divisors = [m for m in range(1, groups + 1) if groups % m == 0]
    smallest = next(m for m in divisors if groups // m <= _MAX_GROUPS)
    return max([smallest, *(m for m in divisors if m * channels <= _MIN_CHANNELS)])


def _block_diagonal(kernel: jax.Array, groups: int, together: int) -> jax.Array:
    """The kernel of groups/together groups that computes the same, its blocks on the diagonal."""
    height, width, channels, features = kernel.shape
    blocks = kernel.reshape(height, width, channels, groups // together, together, features // groups)
    blocks = jnp.einsum("hwcgmf,mn->hwncgmf", blocks, jnp.eye(together, dtype=kernel.dtype))
    return blocks.reshape(height, width, together * channels, features)


def _split(x: jax.Array, kernel: jax.Array, how: Windows, groups: int) -> jax.Array:
    """The same sums as an ordinary convolution for each group, or for each few small ones."""
    together = _together(kernel.shape[2], groups)
    kernel, parts = _block_diagonal(kernel, groups, together), groups // together
    pairs = zip(jnp.split(x, parts, axis=-1), jnp.split(kernel, parts, axis=-1), strict=True)
    return jnp.concatenate([_native(*one, how, 1) for one in pairs], axis=-1)


class GroupedConv(nn.Module):
    """Convolution whose g-th group of outputs sees the g-th group of inputs (Krizhevsky et al. 2012, 3.2).

    [B, H, W, C] -> [B, H', W', features]; parameters `kernel` [kh, kw, C/groups, features] and `bias` [features].
    Padding is "SAME", "VALID", a number, or a number or pair for each direction. One group is an ordinary
    convolution. On CPU groups are convolved one by one, small ones a few at a time; elsewhere natively: equal in
    value and gradient.
    """

    features: int
    kernel_size: int | Sequence[int]
    strides: int | Sequence[int] = 1
    padding: Padding = "SAME"
    groups: int = 1
    use_bias: bool = True
    kernel_dilation: int | Sequence[int] = 1
    dtype: jnp.dtype | None = None
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        channels, groups = x.shape[-1], self.groups
        if channels % groups or self.features % groups:
            raise ValueError(f"{channels} channels to {self.features} features: {groups} groups must divide both")
        how = windows(x.shape, self.kernel_size, self.strides, self.padding, self.kernel_dilation)
        kernel = self.param("kernel", self.kernel_init, (*how.size, channels // groups, self.features))
        bias = self.param("bias", self.bias_init, (self.features,)) if self.use_bias else None
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        native = partial(_native, how=how, groups=groups)
        if groups == 1:
            y = native(x, kernel)
        else:
            split = partial(_split, how=how, groups=groups)
            y = jax.lax.platform_dependent(x, kernel, cpu=split, default=native)
        return y if bias is None else y + bias
