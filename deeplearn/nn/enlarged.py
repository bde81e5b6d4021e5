"""A network with its images resized to the size that it was made for."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax

from deeplearn.nn.checks import IMAGES, assert_shapes


class Enlarged(nn.Module):
    """`net(image, train)` on images [B, H, W, C] resized to [B, side, side, C], bilinearly; not where side is 0."""

    net: nn.Module
    side: int = 0

    def __call__(self, image: jax.Array, train: bool = False) -> Any:
        return self.net(enlarged(image, self.side), train)  # type: ignore[operator]  # nn.Module has no __call__


def enlarged(image: jax.Array, side: int) -> jax.Array:
    """[B, H, W, C] -> [B, side, side, C], bilinearly; unchanged where side is 0."""
    assert_shapes(image=(image, IMAGES))
    if not side:
        return image
    return jax.image.resize(image, (len(image), side, side, image.shape[-1]), "linear")
