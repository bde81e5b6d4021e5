"""StyleGAN2 (Karras et al. 2020): the synthesis by modulated convolutions, and the discriminator of both versions.

Images are 4·2ⁿ or 7·2ⁿ pixels a side (8, 16, 28, 32, 64 … 1024).
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.dcgan import doublings
from deeplearn.models.stylegan import has_noise, layers, leaky_relu, maps
from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.equalized import EqualizedConv, EqualizedDense
from deeplearn.nn.fir import blurred, doubled, halved
from deeplearn.nn.minibatch_stddev import minibatch_stddev
from deeplearn.nn.modulated import ModulatedConv
from deeplearn.nn.noise_injection import NoiseInjection


class SkipSynthesis(nn.Module):
    """Styles [B, layers, latents], a key of the noise -> images [B, side, side, channels], about −1 to 1.

    The image is a sum over sizes (figure 7b): each size's maps become an image by a 1×1 convolution, modulated but
    not demodulated, which takes the next layer's style; the smaller sizes' sum is doubled by the filter. noisy: of
    how many sizes, from the image's own down, layers have noise (0: of all).
    """

    side: int
    channels: int
    width: int = 32
    widest: int = 512
    noisy: int = 0

    @nn.compact
    def __call__(self, styles: jax.Array, key: jax.Array) -> jax.Array:
        assert_shapes(styles=(styles, f"batch {layers(self.side)} latents"))
        features = maps(self.side, self.width, self.widest)
        start, _ = doublings(self.side)
        constant = self.param("constant", nn.initializers.normal(1.0), (start, start, features[0]))
        x = jnp.broadcast_to(constant, (len(styles), *constant.shape)).astype(styles.dtype)
        image = jnp.zeros((), styles.dtype)
        # Styles 0 and 1 belong to the smallest size: a layer and its image. Each further size has two layers, and
        # its image shares a style with the first of the next.
        for layer in range(layers(self.side) - 1):
            level, doubles = (layer + 1) // 2, layer % 2 == 1
            x = ModulatedConv(features[level], double=doubles)(x, styles[:, layer])
            if has_noise(level, len(features), self.noisy):
                x = NoiseInjection()(x, jax.random.fold_in(key, layer))
            x = leaky_relu(x + self.param(f"bias_{layer}", nn.initializers.zeros, (features[level],)))
            if not doubles:
                drawn = ModulatedConv(self.channels, window=1, demodulate=False)(x, styles[:, layer + 1])
                drawn = drawn + self.param(f"bias_of_image_{level}", nn.initializers.zeros, (self.channels,))
                image = drawn + (doubled(image) if level else 0)
        return image


class StyleDiscriminator(nn.Module):
    """Images [B, side, side, channels] in [0, 1] -> logits [B].

    For each size two 3×3 convolutions, of which the second halves the side after the low-pass filter. residual: a
    1×1 convolution of the halved input is added, and the sum divided by √2 (figure 7c); StyleGAN has none.
    minibatch_stddev: see `deeplearn.nn.minibatch_stddev`, before the last convolution.
    """

    width: int = 32  # feature maps next to the image
    widest: int = 512
    residual: bool = True
    minibatch_stddev: bool = True

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, "batch side side channels"))
        features = maps(x.shape[1], self.width, self.widest)
        x = leaky_relu(EqualizedConv(features[-1], window=1)(2 * x - 1))
        for before, after in zip(features[:0:-1], features[-2::-1], strict=True):
            y = leaky_relu(EqualizedConv(before)(x))
            y = leaky_relu(EqualizedConv(after, strides=2, padding="VALID")(blurred(y, 2, 2)))
            if self.residual:
                y = (y + EqualizedConv(after, window=1, use_bias=False)(halved(x))) / 2**0.5
            x = y
        x = minibatch_stddev(x) if self.minibatch_stddev else x
        x = leaky_relu(EqualizedConv(features[0])(x))
        x = leaky_relu(EqualizedDense(features[0])(x.reshape(len(x), -1)))
        return EqualizedDense(1)(x).squeeze(-1)
