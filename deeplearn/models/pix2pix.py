"""The networks of pix2pix (Isola et al. 2017): a U-Net and a discriminator of patches.

Batch norm there is of batches of one image, in training and afterwards: instance norm, which does not depend on how
many images there are. Kernels begin as N(0, .02).
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.errors import UserError
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.instance_norm import InstanceNorm
from deeplearn.nn.minibatch_stddev import minibatch_stddev
from deeplearn.nn.strided import HalvingConv
from deeplearn.nn.transposed import TransposedConv

INIT = nn.initializers.normal(0.02)
DEEPEST = 8  # halvings: from 256 pixels to one
WIDEST = 8  # times the first layer's features


def halvings(height: int, width: int) -> int:
    """How often both sides can be halved, at most eight times; UserError below two."""
    count = 0
    while count < DEEPEST and height % 2 ** (count + 1) == 0 and width % 2 ** (count + 1) == 0:
        count += 1
    if count < 2:
        raise UserError(
            f"images of {height}×{width} pixels cannot be halved twice: choose another size, such as @64"
        )
    return count


class UNet(nn.Module):
    """Images [B, H, W, C] in [0, 1] -> [B, H, W, channels] in [0, 1] (appendix 6.1).

    Halved by convolutions as often as `halvings` says, then doubled by transposed ones, each of which also sees
    what came down at its resolution. Dropout at the lowest resolutions, three of the paper's eight, is the noise z:
    from the stream "noise", always, since without it the output would be a function of the input.
    """

    channels: int
    features: int = 64  # after the first layer
    dropout: float = 0.5

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        assert_shapes(image=(image, IMAGES))
        depth = halvings(*image.shape[1:3])
        widths = [self.features * min(2**level, WIDEST) for level in range(depth)]
        x, kept = 2 * image - 1, []
        for level, width in enumerate(widths):
            x = x if level == 0 else nn.leaky_relu(x, 0.2)
            x = HalvingConv(width, use_bias=False, kernel_init=INIT)(x)
            if 0 < level < depth - 1:  # of a single pixel nothing would be left
                x = InstanceNorm(affine=True)(x)
            kept.append(x)
        for level in reversed(range(1, depth)):
            x = nn.relu(x if level == depth - 1 else jnp.concatenate([x, kept[level]], -1))
            x = TransposedConv(widths[level - 1], 4, 2, 1, use_bias=False, kernel_init=INIT)(x)
            x = InstanceNorm(affine=True)(x)
            if level >= depth - min(3, depth // 2):
                x = nn.Dropout(self.dropout, deterministic=False, rng_collection="noise")(x)
        x = nn.relu(jnp.concatenate([x, kept[0]], -1))
        return nn.sigmoid(TransposedConv(self.channels, 4, 2, 1, kernel_init=INIT)(x))


class PatchGAN(nn.Module):
    """Images [B, H, W, C] -> logits [B, h, w], one for each patch of `receptive_field(layers)` pixels a side.

    layers: convolutions of stride 2, the first without normalisation; two of stride 1 follow. Three make the
    paper's 70×70 (appendix 6.1.2). affine: of the normalisation, as in pix2pix; else convolutions have biases, as
    CycleGAN's. minibatch_stddev: see `deeplearn.nn.minibatch_stddev`, before the last convolution.
    """

    features: int = 64
    layers: int = 3
    affine: bool = True
    minibatch_stddev: bool = False

    @nn.compact
    def __call__(self, image: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(image=(image, IMAGES))
        height, width = image.shape[1:3]
        need_patches(height, width, self.layers)
        x = 2 * image - 1
        for layer in range(self.layers + 1):
            features, bias = self.features * min(2**layer, WIDEST), layer == 0 or not self.affine
            if layer < self.layers:
                x = HalvingConv(features, use_bias=bias, kernel_init=INIT)(x)
            else:
                x = Conv(features, (4, 4), padding=1, use_bias=bias, kernel_init=INIT)(x)
            x = nn.leaky_relu(x if layer == 0 else InstanceNorm(self.affine)(x), 0.2)
        x = minibatch_stddev(x) if self.minibatch_stddev else x
        return Conv(1, (4, 4), padding=1, kernel_init=INIT)(x).squeeze(-1)


def need_patches(height: int, width: int, layers: int) -> None:
    """UserError unless images of that size can be halved as often, and leave three pixels."""
    part = 2**layers
    if height % part or width % part or min(height, width) < 3 * part:
        raise UserError(
            f"images of {height}×{width} pixels do not suit a discriminator that halves them {layers} times: "
            "choose another size, such as @64, or other --layers"
        )


def receptive_field(layers: int) -> int:
    """Pixels a side that a logit of `PatchGAN` sees."""
    side = 1
    for strides in (1, 1, *[2] * layers):
        side = (side - 1) * strides + 4
    return side
