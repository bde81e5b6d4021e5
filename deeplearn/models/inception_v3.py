"""Inception-v3 (Szegedy et al. 2016, "Rethinking the Inception architecture"), as its authors released it.

Modules have torchvision's names: Mixed_6b.branch7x7_2.conv is Mixed_6b/branch7x7_2/conv.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.pooling import avg_pool, max_pool
from deeplearn.nn.windows import Pair


class Unit(nn.Module):
    """Convolution, batch norm (ε = 1e-3), ReLU. "SAME" is symmetric here: windows are odd where it is used."""

    features: int
    size: Pair
    batch_norm_scale: bool
    stride: int = 1
    padding: str = "SAME"

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = Conv(
            self.features,
            self.size,
            self.stride,
            padding=self.padding,
            use_bias=False,
            kernel_init=nn.initializers.truncated_normal(0.1),
            name="conv",
        )(x)
        return nn.relu(BatchNorm(epsilon=1e-3, use_scale=self.batch_norm_scale, name="bn")(x, train))


class Mixed(nn.Module):
    """The base of the modules: units by name, with divided widths, and 3×3 average pooling."""

    divide: int
    batch_norm_scale: bool
    count_include_pad: bool

    def unit(
        self,
        x: jax.Array,
        train: bool,
        name: str,
        features: int,
        *size: int,
        stride: int = 1,
        padding: str = "SAME",
    ) -> jax.Array:
        height, width = size if len(size) == 2 else size * 2
        layer = Unit(features // self.divide, (height, width), self.batch_norm_scale, stride, padding, name=name)
        return layer(x, train)

    def mean(self, x: jax.Array) -> jax.Array:
        return avg_pool(x, 3, 1, padding=1, count_include_pad=self.count_include_pad)


class MixedA(Mixed):
    """Figure 5, with one 5×5 left: 1×1; 5×5; two 3×3; pooling."""

    pool_features: int = 32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        a = self.unit(x, train, "branch1x1", 64, 1)
        b = self.unit(x, train, "branch5x5_1", 48, 1)
        b = self.unit(b, train, "branch5x5_2", 64, 5)
        c = self.unit(x, train, "branch3x3dbl_1", 64, 1)
        c = self.unit(c, train, "branch3x3dbl_2", 96, 3)
        c = self.unit(c, train, "branch3x3dbl_3", 96, 3)
        d = self.unit(self.mean(x), train, "branch_pool", self.pool_features, 1)
        return jnp.concatenate([a, b, c, d], axis=-1)


class MixedB(Mixed):
    """Figure 10: halves the grid by a convolution, two convolutions and pooling side by side."""

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        a = self.unit(x, train, "branch3x3", 384, 3, stride=2, padding="VALID")
        b = self.unit(x, train, "branch3x3dbl_1", 64, 1)
        b = self.unit(b, train, "branch3x3dbl_2", 96, 3)
        b = self.unit(b, train, "branch3x3dbl_3", 96, 3, stride=2, padding="VALID")
        return jnp.concatenate([a, b, max_pool(x, 3, 2)], axis=-1)


class MixedC(Mixed):
    """Figure 6: 7×7 as 1×7 and 7×1, once and twice."""

    inner: int = 128

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        a = self.unit(x, train, "branch1x1", 192, 1)
        b = self.unit(x, train, "branch7x7_1", self.inner, 1)
        b = self.unit(b, train, "branch7x7_2", self.inner, 1, 7)
        b = self.unit(b, train, "branch7x7_3", 192, 7, 1)
        c = self.unit(x, train, "branch7x7dbl_1", self.inner, 1)
        c = self.unit(c, train, "branch7x7dbl_2", self.inner, 7, 1)
        c = self.unit(c, train, "branch7x7dbl_3", self.inner, 1, 7)
        c = self.unit(c, train, "branch7x7dbl_4", self.inner, 7, 1)
        c = self.unit(c, train, "branch7x7dbl_5", 192, 1, 7)
        d = self.unit(self.mean(x), train, "branch_pool", 192, 1)
        return jnp.concatenate([a, b, c, d], axis=-1)


class MixedD(Mixed):
    """Halves the grid: 3×3, 7×7 in two and 3×3, pooling."""

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        a = self.unit(x, train, "branch3x3_1", 192, 1)
        a = self.unit(a, train, "branch3x3_2", 320, 3, stride=2, padding="VALID")
        b = self.unit(x, train, "branch7x7x3_1", 192, 1)
        b = self.unit(b, train, "branch7x7x3_2", 192, 1, 7)
        b = self.unit(b, train, "branch7x7x3_3", 192, 7, 1)
        b = self.unit(b, train, "branch7x7x3_4", 192, 3, stride=2, padding="VALID")
        return jnp.concatenate([a, b, max_pool(x, 3, 2)], axis=-1)


class MixedE(Mixed):
    """Figure 7: 3×3 as 1×3 and 3×1 side by side."""

    pool_maximum: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        a = self.unit(x, train, "branch1x1", 320, 1)
        b = self.unit(x, train, "branch3x3_1", 384, 1)
        b1 = self.unit(b, train, "branch3x3_2a", 384, 1, 3)
        b2 = self.unit(b, train, "branch3x3_2b", 384, 3, 1)
        c = self.unit(x, train, "branch3x3dbl_1", 448, 1)
        c = self.unit(c, train, "branch3x3dbl_2", 384, 3)
        c1 = self.unit(c, train, "branch3x3dbl_3a", 384, 1, 3)
        c2 = self.unit(c, train, "branch3x3dbl_3b", 384, 3, 1)
        pooled = max_pool(x, 3, 1, padding=1) if self.pool_maximum else self.mean(x)
        d = self.unit(pooled, train, "branch_pool", 192, 1)
        return jnp.concatenate([a, b1, b2, c1, c2, d], axis=-1)


class AuxiliaryHead(Mixed):
    """A classifier on the middle grid: 5×5 pooling with stride 3, 1×1, 5×5, global pooling."""

    classes: int = 1000

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = self.unit(avg_pool(x, 5, 3), train, "conv0", 128, 1)
        x = self.unit(x, train, "conv1", 768, 5, padding="VALID").mean((1, 2))
        return nn.Dense(self.classes, name="fc")(x)


class InceptionV3(nn.Module):
    """Images [B, H, W, C], 299 pixels a side -> logits [B, classes], or with classes=0 features after pooling.

    With `auxiliary` and train: a tuple (logits, logits of the head after Mixed_6e). The head's parameters exist in
    either mode. `divide` divides all widths; `small_stem` is one 3×3 convolution without stride. Keras has no scale
    in batch norm and no head, and its average pooling does not count the padding; torchvision's does. The network
    by which FIDs are measured, TensorFlow's of 2015, does not either, and takes the maximum in its last module.
    """

    classes: int = 1000
    auxiliary: bool = True
    batch_norm_scale: bool = True
    count_include_pad: bool = True
    maximum_last: bool = False
    divide: int = 1
    small_stem: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array | tuple[jax.Array, ...]:
        assert_shapes(x=(x, IMAGES))

        def unit(
            x: jax.Array, features: int, size: int, name: str, stride: int = 1, padding: str = "VALID"
        ) -> jax.Array:
            layer = Unit(features // self.divide, (size, size), self.batch_norm_scale, stride, padding, name=name)
            return layer(x, train)

        if self.small_stem:
            x = unit(x, 192, 3, "Conv2d_1a_3x3", padding="SAME")
        else:
            x = unit(x, 32, 3, "Conv2d_1a_3x3", stride=2)
            x = unit(x, 32, 3, "Conv2d_2a_3x3")
            x = max_pool(unit(x, 64, 3, "Conv2d_2b_3x3", padding="SAME"), 3, 2)
            x = unit(x, 80, 1, "Conv2d_3b_1x1")
            x = max_pool(unit(x, 192, 3, "Conv2d_4a_3x3"), 3, 2)
        common = (self.divide, self.batch_norm_scale, self.count_include_pad)
        for letter, pool_features in zip("bcd", (32, 64, 64), strict=True):
            x = MixedA(*common, pool_features, name=f"Mixed_5{letter}")(x, train)
        x = MixedB(*common, name="Mixed_6a")(x, train)
        for letter, inner in zip("bcde", (128, 160, 160, 192), strict=True):
            x = MixedC(*common, inner, name=f"Mixed_6{letter}")(x, train)
        has_head = self.auxiliary and self.classes > 0
        if has_head and (train or self.is_initializing()):
            head = AuxiliaryHead(*common, self.classes, name="AuxLogits")(x, train)
        x = MixedD(*common, name="Mixed_7a")(x, train)
        for letter in "bc":
            x = MixedE(*common, self.maximum_last and letter == "c", name=f"Mixed_7{letter}")(x, train)
        x = nn.Dropout(0.5, deterministic=not train)(x.mean((1, 2)))
        x = nn.Dense(self.classes, name="fc")(x) if self.classes else x
        return (x, head) if train and has_head else x


def inception_v3(classes: int = 1000) -> InceptionV3:
    return InceptionV3(classes)


def keras_form(net: InceptionV3) -> InceptionV3:
    """The same net as in Keras applications."""
    return net.clone(auxiliary=False, batch_norm_scale=False, count_include_pad=False)


def fid_form(net: InceptionV3) -> InceptionV3:
    """The network of Heusel et al. 2017, trained in 2015, as its port to torch (pytorch-fid) has it."""
    return net.clone(auxiliary=False, count_include_pad=False, maximum_last=True)


def small(net: InceptionV3) -> InceptionV3:
    """For images of 8 to 32 pixels: a quarter of the features, a 3×3 stem without stride, one head."""
    return net.clone(divide=4, small_stem=True, auxiliary=False)
