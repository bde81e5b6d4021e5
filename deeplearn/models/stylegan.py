"""The generator of StyleGAN (Karras et al. 2019): a mapping of noise to styles, and a synthesis that is told them.

Images are 4·2ⁿ or 7·2ⁿ pixels a side (8, 16, 28, 32, 64 … 1024). The networks are whole from the start: the
progressive growing of the original, in which they begin with 8 pixels and get further layers, is not there (the
second version does without it, and is better for it: Karras et al. 2020, section 4).
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.dcgan import doublings
from deeplearn.nn.adain import AdaIN
from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.doubling import DoublingConv
from deeplearn.nn.equalized import EqualizedConv, EqualizedDense
from deeplearn.nn.noise_injection import NoiseInjection


def leaky_relu(x: jax.Array) -> jax.Array:
    """Of slope .2, √2 times as large, so that the variance of what is equalised stays the same."""
    return nn.leaky_relu(x, 0.2) * 2**0.5


def layers(side: int) -> int:
    """How many styles an image of that side takes: two for each size of feature maps; 18 for 1024 pixels."""
    return 2 * (doublings(side)[1] + 1)


def maps(side: int, width: int, widest: int) -> list[int]:
    """Feature maps of each size, the smallest first: `width` next to the image, twice as many at half the side."""
    count = doublings(side)[1]
    return [min(widest, width * 2 ** (count - level)) for level in range(count + 1)]


def has_noise(level: int, sizes: int, noisy: int) -> bool:
    """Whether layers of a size have noise: of the `noisy` largest of all sizes, or, if that is 0, of each."""
    return not noisy or level >= sizes - noisy


def mixed(first: jax.Array, second: jax.Array, crossover: jax.Array) -> jax.Array:
    """Styles [B, layers, latents]: the first's in the layers before crossover [B], the second's from there on."""
    assert_shapes(first=(first, "batch layers latents"), second=(second, "batch layers latents"))
    before = jnp.arange(first.shape[1]) < crossover[:, None]
    return jnp.where(before[..., None], first, second)


class Mapping(nn.Module):
    """z [B, latents] -> w [B, latents]: z at length √latents, then dense layers that learn `rate` times as fast."""

    latents: int
    depth: int = 8
    rate: float = 0.01

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        assert_shapes(z=(z, "batch latents"))
        w = z * jax.lax.rsqrt(jnp.square(z).mean(-1, keepdims=True) + 1e-8)
        for _ in range(self.depth):
            w = leaky_relu(EqualizedDense(self.latents, self.rate)(w))
        return w


class Synthesis(nn.Module):
    """Styles [B, layers, latents], a key of the noise -> images [B, side, side, channels], about −1 to 1.

    A learned constant; for each size two layers of convolution, noise, leaky ReLU and AdaIN. noisy: of how many
    sizes, from the image's own down, layers have noise (0: of all).
    """

    side: int
    channels: int
    width: int = 16
    widest: int = 512
    noisy: int = 0

    @nn.compact
    def __call__(self, styles: jax.Array, key: jax.Array) -> jax.Array:
        assert_shapes(styles=(styles, f"batch {layers(self.side)} latents"))
        features = maps(self.side, self.width, self.widest)
        start, _ = doublings(self.side)
        constant = self.param("constant", nn.initializers.ones, (start, start, features[0]))
        x = jnp.broadcast_to(constant, (len(styles), *constant.shape)).astype(styles.dtype)
        for layer in range(layers(self.side)):
            level, second = divmod(layer, 2)
            if second:
                x = EqualizedConv(features[level], use_bias=False)(x)
            elif level:
                x = DoublingConv(features[level])(x)
            if has_noise(level, len(features), self.noisy):
                x = NoiseInjection(each_map=True)(x, jax.random.fold_in(key, layer))
            x = leaky_relu(x + self.param(f"bias_{layer}", nn.initializers.zeros, (features[level],)))
            x = AdaIN()(x, styles[:, layer])
        return EqualizedConv(self.channels, window=1)(x)
