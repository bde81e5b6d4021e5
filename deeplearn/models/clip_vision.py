"""CLIP's vision transformer: patches and a class token, read at the class token and projected.

Dosovitskiy et al. 2020, with one more layer norm before the transformer (Radford et al. 2021, section 2.4).
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.positions import LearnedPositions
from deeplearn.nn.transformer import Encoder


class ClipVision(nn.Module):
    """Images [batch, side, side, channels] -> hidden states [batch, 1 + patches, width], the class token's first.

    side, patch: pixels of an image and of a patch, which divides it. width, layers, heads: of table 20. hidden:
    units of each feed-forward network. projection: features of the space that texts share; 0: none.
    activation: of the feed-forward networks, a name of `nn.activations`. epsilon: of the layer norms.
    dropout: as in `nn.transformer.Encoder`; the paper has none.

    `vectors` gives the picture's vector. Where it is called, also by `init`, it has the parameters of the last norm
    and of the projection.
    """

    side: int = 224
    patch: int = 32
    width: int = 768
    layers: int = 12
    heads: int = 12
    hidden: int = 3072
    projection: int = 512
    activation: str = "quick_gelu"
    epsilon: float = 1e-5
    dropout: float = 0.0

    def setup(self) -> None:
        size, spread = (self.patch, self.patch), nn.initializers.normal(self.width**-0.5)
        self.patches = nn.Conv(self.width, size, size, padding="VALID", use_bias=False)
        self.class_token = self.param("class_token", spread, (self.width,))
        self.positions = LearnedPositions(1 + (self.side // self.patch) ** 2)
        self.before_norm = nn.LayerNorm(epsilon=self.epsilon)
        # Flax's encoder has a norm at its end. Theirs is of the class token alone, which gives the same vectors.
        self.encoder = Encoder(
            self.layers, self.heads, self.hidden, self.dropout, activation=self.activation, epsilon=self.epsilon
        )
        if self.projection:
            self.visual_projection = nn.Dense(self.projection, use_bias=False, kernel_init=spread)

    def __call__(self, image: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(image=(image, f"batch {self.side} {self.side} channels"))
        x = self.patches(image)
        x = x.reshape(len(x), -1, self.width)
        first = jnp.broadcast_to(self.class_token.astype(x.dtype), (len(x), 1, self.width))
        x = self.positions(jnp.concatenate([first, x], axis=1))
        return self.encoder(self.before_norm(x), train)

    def vectors(self, image: jax.Array, train: bool = False) -> jax.Array:
        """Each picture's vector in the space of texts, not normalised: [batch, projection].

        Without a projection the state of the class token.
        """
        x = self(image, train)[:, 0]
        return self.visual_projection(x) if self.projection else x


def clip_vision_vit_l_14() -> ClipVision:
    """The image side of CLIP ViT-L/14 (table 20): 303,179,776 parameters, and 1024 · 768 of the projection."""
    return ClipVision(224, 14, 1024, 24, 16, 4096, projection=768)
