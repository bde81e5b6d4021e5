"""GoogLeNet (Szegedy et al. 2015, "Going deeper with convolutions") in the paper's form and in torchvision's.

Modules have torchvision's names, with "_" for the dot before a number: inception3a.branch2.1.conv is
inception3a/branch2_1/conv.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.lrn import local_response_norm
from deeplearn.nn.pooling import avg_pool, max_pool

HE = nn.initializers.he_normal()


class Unit(nn.Module):
    """Convolution and ReLU, with a bias, or with batch norm between."""

    features: int
    size: int
    batch_norm: bool
    stride: int = 1

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = Conv(
            self.features,
            (self.size, self.size),
            self.stride,
            padding=self.size // 2,
            use_bias=not self.batch_norm,
            kernel_init=HE,
            name="conv",
        )(x)
        return nn.relu(BatchNorm(epsilon=1e-3, name="bn")(x, train) if self.batch_norm else x)


class Inception(nn.Module):
    """1×1; 1×1 then 3×3; 1×1 then 5×5; 3×3 pooling then 1×1: concatenated (figure 2b)."""

    widths: tuple[int, ...]  # six, in the order of the paper's table 1: #1×1 … pool proj
    large: int  # 5, or torchvision's 3
    batch_norm: bool

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        def unit(x: jax.Array, index: int, size: int, name: str) -> jax.Array:
            return Unit(self.widths[index], size, self.batch_norm, name=name)(x, train)

        branches = [
            unit(x, 0, 1, "branch1"),
            unit(unit(x, 1, 1, "branch2_0"), 2, 3, "branch2_1"),
            unit(unit(x, 3, 1, "branch3_0"), 4, self.large, "branch3_1"),
            unit(max_pool(x, 3, 1, padding=1), 5, 1, "branch4_1"),
        ]
        return jnp.concatenate(branches, axis=-1)


class AuxiliaryHead(nn.Module):
    """A classifier on a middle layer (section 5): pooling to 4×4, 1×1 to 128 features, 1024 hidden units, dropout.

    The paper pools 5×5 windows with stride 3; `adaptive`, as in torchvision, sixteen that cover the map evenly.
    """

    classes: int
    adaptive: bool
    batch_norm: bool

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = adaptive_avg_pool(x, 4) if self.adaptive else avg_pool(x, 5, 3)
        x = Unit(128, 1, self.batch_norm, name="conv")(x, train).reshape(len(x), -1)
        x = nn.relu(nn.Dense(1024, kernel_init=HE, name="fc1")(x))
        return nn.Dense(self.classes, name="fc2")(nn.Dropout(0.7, deterministic=not train)(x))


def adaptive_avg_pool(x: jax.Array, size: int) -> jax.Array:
    """[B, H, W, C] -> [B, size, size, C]: the mean from row ⌊iH/size⌋ to before ⌈(i+1)H/size⌉, columns alike."""
    assert_shapes(x=(x, IMAGES))
    for axis in (1, 2):
        length = x.shape[axis]
        windows = [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
        means = [jax.lax.slice_in_dim(x, *window, axis=axis).mean(axis, keepdims=True) for window in windows]
        x = jnp.concatenate(means, axis)
    return x


TABLE_1 = {
    "inception3a": (64, 96, 128, 16, 32, 32),
    "inception3b": (128, 128, 192, 32, 96, 64),
    "inception4a": (192, 96, 208, 16, 48, 64),
    "inception4b": (160, 112, 224, 24, 64, 64),
    "inception4c": (128, 128, 256, 24, 64, 64),
    "inception4d": (112, 144, 288, 32, 64, 64),
    "inception4e": (256, 160, 320, 32, 128, 128),
    "inception5a": (256, 160, 320, 32, 128, 128),
    "inception5b": (384, 192, 384, 48, 128, 128),
}


class GoogLeNet(nn.Module):
    """Images [B, H, W, C] -> logits [B, classes], or with classes=0 features [B, D] after global pooling.

    With `auxiliary` and train: a tuple (logits, logits after inception4a, logits after inception4d); the paper adds
    the losses of the latter two with weight .3. Their parameters exist in either mode. `lrn` is the paper's
    normalisation around conv2 and conv3, where there is no batch norm. `divide` divides all widths of table 1.
    """

    classes: int = 1000
    large: int = 5
    batch_norm: bool = False
    lrn: bool = True
    auxiliary: bool = True
    adaptive: bool = False
    dropout: float = 0.4
    divide: int = 1
    small_stem: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array | tuple[jax.Array, ...]:
        assert_shapes(x=(x, IMAGES))

        def norm(x: jax.Array) -> jax.Array:
            return local_response_norm(x) if self.lrn else x

        def unit(x: jax.Array, features: int, size: int, stride: int, name: str) -> jax.Array:
            return Unit(features // self.divide, size, self.batch_norm, stride, name=name)(x, train)

        def pool(x: jax.Array) -> jax.Array:
            return x if self.small_stem else max_pool(x, 3, 2, ceil_mode=True)

        x = unit(x, 64, 3 if self.small_stem else 7, 1 if self.small_stem else 2, "conv1")
        x = unit(norm(pool(x)), 64, 1, 1, "conv2")
        x = pool(norm(unit(x, 192, 3, 1, "conv3")))
        has_heads = self.auxiliary and self.classes > 0
        heads = []
        for name, widths in TABLE_1.items():
            if name in ("inception4a", "inception5a"):
                # torchvision's last pooling does not overlap.
                window = 2 if name == "inception5a" and self.batch_norm else 3
                x = max_pool(x, window, 2, ceil_mode=True)
            divided = tuple(width // self.divide for width in widths)
            x = Inception(divided, self.large, self.batch_norm, name=name)(x, train)
            if name in ("inception4a", "inception4d") and has_heads and (train or self.is_initializing()):
                head = "aux1" if name == "inception4a" else "aux2"
                heads.append(AuxiliaryHead(self.classes, self.adaptive, self.batch_norm, name=head)(x, train))
        x = nn.Dropout(self.dropout, deterministic=not train)(x.mean((1, 2)))
        x = nn.Dense(self.classes, name="fc")(x) if self.classes else x
        return (x, *heads) if train and has_heads else x


def googlenet(classes: int = 1000) -> GoogLeNet:
    """The paper's: 5×5 convolutions, biases, LRN."""
    return GoogLeNet(classes)


def googlenet_batch_norm(classes: int = 1000) -> GoogLeNet:
    """torchvision's: batch norm (ε = 1e-3), 3×3 in place of 5×5, no LRN, dropout .2."""
    return GoogLeNet(classes, large=3, batch_norm=True, lrn=False, adaptive=True, dropout=0.2)


def small(net: GoogLeNet) -> GoogLeNet:
    """For images of 8 to 32 pixels: a quarter of the features, a 3×3 stem without stride or pooling, one head."""
    return net.clone(divide=4, small_stem=True, auxiliary=False)
