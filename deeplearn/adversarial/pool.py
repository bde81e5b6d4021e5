"""A history of generated images that a discriminator is shown, in place of the newest ones alone."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def exchanged(
    pool: jax.Array, count: jax.Array, images: jax.Array, key: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(pool, count, what is shown) after images [B, ...] have come one after another to a pool [size, ...].

    count: int32 [], how many images the pool has had so far. While it is not full, an image is put in and shown;
    afterwards, with probability ½, one of the pool is shown and replaced by it, else it is shown and not kept
    (Shrivastava et al. 2017, section 2.3; Zhu et al. 2017, section 4, with 50 images).
    """
    size = len(pool)

    def come(carry: tuple[jax.Array, jax.Array], one: tuple[jax.Array, jax.Array]) -> Any:
        (pool, count), (image, key) = carry, one
        where, whether = jax.random.split(key)
        filling = count < size
        place = jnp.where(filling, count, jax.random.randint(where, (), 0, size))
        kept = filling | jax.random.bernoulli(whether)
        shown = jnp.where(filling | ~kept, image, pool[place])
        pool = pool.at[place].set(jnp.where(kept, image, pool[place]))
        return (pool, jnp.minimum(count + 1, size)), shown

    arriving = images, jax.random.split(key, len(images))
    found: Any = jax.lax.scan(come, (pool, count), arriving)
    (pool, count), shown = found
    return pool, count, shown
