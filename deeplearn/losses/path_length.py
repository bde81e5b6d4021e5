"""Path length regularisation of a generator (Karras et al. 2020, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import IMAGES, assert_shapes


def path_lengths(generator: Callable[[jax.Array], jax.Array], styles: jax.Array, key: jax.Array) -> jax.Array:
    """‖Jᵀy‖ [B] for one y of each image, J the derivative of the image in its style, y ~ N(0, 1/(height · width)).

    generator: styles [B, layers, latents] -> images [B, H, W, C], each of its own style. The square is summed over
    latents and averaged over layers, as in the released code: the length is that of the w that all layers share,
    over the root of their number, where their parts of Jᵀy are unrelated.
    """
    assert_shapes(styles=(styles, "batch layers latents"))
    image, back = jax.vjp(generator, styles)
    assert_shapes(image=(image, IMAGES))
    y = jax.random.normal(key, image.shape, image.dtype) / (image.shape[1] * image.shape[2]) ** 0.5
    (slopes,) = back(y)
    # The root's derivative at 0 is infinite, and a generator of zeros can occur.
    return jnp.sqrt(jnp.square(slopes.astype(jnp.float32)).sum(-1).mean(-1) + 1e-12)
