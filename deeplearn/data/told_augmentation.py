"""Changes of training pictures of which a generator is told, so that it need not draw them (Karras et al. 2022,
"EDM", appendix F.2).

With few pictures a network learns whole ones by heart. Where they are also seen mirrored and elsewhere it has to
learn parts, and parts go together in ways that were never seen. A picture is asked for with a label of zeros.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.data.augmentation import mirrored, shifted
from deeplearn.nn.checks import IMAGES, assert_shapes

CHANGES = 3  # numbers in a label: mirrored, moved down, moved across


def changed(key: jax.Array, images: jax.Array, chance: float, far: int) -> tuple[jax.Array, jax.Array]:
    """Pictures [B, H, W, C], some of them changed -> (pictures, label [B, CHANGES]): what was done, 0 for nothing.

    Each is mirrored, left for right, with the chance `chance`, in [0, 1]; and with the same chance, but whether or
    not it is mirrored, it goes by `far` pixels to one of the eight places around it, or stays: all nine are equally
    likely. Its edge fills the gap. A label has 1 for mirrored, and 1, 0 or −1 for down and across.
    """
    assert_shapes(images=(images, IMAGES))
    count = len(images)
    if not chance:
        return images, jnp.zeros((count, CHANGES), images.dtype)
    key_mirrored, key_moved, key_by = jax.random.split(key, 3)
    which = jax.random.bernoulli(key_mirrored, chance, (count,))
    by = jax.random.randint(key_by, (count, 2), -1, 2)
    by = jnp.where(jax.random.bernoulli(key_moved, chance, (count, 1)), by, 0)
    down, across = far * by.T
    images = shifted(mirrored(images, which), down, across, far)
    return images, jnp.concatenate([which[:, None], by], axis=1).astype(images.dtype)


def unchanged(vector: jax.Array) -> jax.Array:
    """[B, D] -> [B, D + CHANGES]: what a network is told, with the label of a picture that is not changed."""
    return jnp.pad(vector, ((0, 0), (0, CHANGES)))
