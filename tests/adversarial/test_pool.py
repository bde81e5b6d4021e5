"""The history of generated images: as a list would be kept, one image after another."""

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.adversarial.pool import exchanged


def one_by_one(pool, count, images, key):
    """The rule in plain Python, with the same random numbers."""
    pool, shown = list(pool), []
    for image, own in zip(images, jax.random.split(key, len(images)), strict=True):
        where, whether = jax.random.split(own)
        if count < len(pool):
            pool[count], count = image, count + 1
            shown.append(image)
        elif jax.random.bernoulli(whether):
            place = int(jax.random.randint(where, (), 0, len(pool)))
            shown.append(pool[place])
            pool[place] = image
        else:
            shown.append(image)
    return np.array(pool), count, np.array(shown)


def test_it_fills_then_exchanges_half_of_what_comes():
    pool, count, old = jnp.zeros((3, 2)), jnp.int32(0), 0
    images = np.arange(60, dtype=np.float32).reshape(6, 5, 2) + 1
    for number, batch in enumerate(images):
        key = jax.random.key(number)
        expected = one_by_one(np.asarray(pool), int(count), batch, key)
        pool, count, shown = exchanged(pool, count, jnp.asarray(batch), key)
        for ours, theirs in zip((pool, count, shown), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        if number == 0:
            np.testing.assert_array_equal(shown[:3], batch[:3])
        old += int((np.asarray(shown) != batch).any(1).sum())
    assert int(count) == 3 and 5 < old < 25
