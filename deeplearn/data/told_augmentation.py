"""Changes of training pictures of which a generator is told, so that it does not draw them (Karras et al. 2022,
"EDM", appendix F.2).

With few pictures a network learns whole ones by heart. Where they are also seen mirrored and elsewhere it has to
learn parts, and parts go together in ways that were never seen. A picture is asked for with a label of zeros.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from deeplearn.data.augmentation import windows
from deeplearn.nn.checks import IMAGES, assert_shapes

CHANGES = 3  # numbers in a label: mirrored, moved down, moved across
MOVE = 16  # a picture is moved by one part in so many of its side


def changed(key: jax.Array, images: jax.Array, chance: float) -> tuple[jax.Array, jax.Array]:
    """Pictures [B, H, W, C], some of them changed -> (pictures, label [B, CHANGES]): what was done, 0 for nothing.

    Each is mirrored, left for right, with the chance `chance`, in [0, 1], and with as great a one moved to one of
    eight neighbouring places, or left where it is; its edge fills the gap. Moves are all as far, a whole number of
    pixels, so that a picture and its smaller one, of at least as many pixels as there are moves in a side, agree.
    """
    assert_shapes(images=(images, IMAGES))
    count, height, width, _ = images.shape
    key_mirrored, key_moved, key_by = jax.random.split(key, 3)
    mirrored = jax.random.bernoulli(key_mirrored, chance, (count,))
    images = jnp.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
    far = max(1, min(height, width) // MOVE)
    by = jax.random.randint(key_by, (count, 2), -1, 2)
    by = jnp.where(jax.random.bernoulli(key_moved, chance, (count, 1)), by, 0)
    padded = jnp.pad(images, ((0, 0), (far, far), (far, far), (0, 0)), mode="edge")
    top, left = far * (1 - by).T
    images = windows(padded, top, left, (height, width))
    return images, jnp.concatenate([mirrored[:, None], by], axis=1).astype(images.dtype)


def unchanged(vector: jax.Array) -> jax.Array:
    """[B, D] -> [B, D + CHANGES]: what a network is told, with the label of a picture that is not changed."""
    return jnp.pad(vector, ((0, 0), (0, CHANGES)))
