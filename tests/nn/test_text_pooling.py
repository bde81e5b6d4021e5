"""One vector of a text by its first token, all of them, or its last."""

import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn.text_pooling import POOLS, pooled

STATES = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
LENGTHS = np.array([5, 1, 3])
EXPECTED = {
    "cls": lambda states: states[0],
    "mean": lambda states: states.mean(0),
    "last": lambda states: states[-1],
}


@pytest.mark.parametrize("pool", POOLS)
def test_padding_means_nothing(pool):
    states = np.where(np.arange(5)[:, None] < LENGTHS[:, None, None], STATES, np.nan)
    expected = [EXPECTED[pool](one[:length]) for one, length in zip(states, LENGTHS, strict=True)]
    np.testing.assert_allclose(pooled(jnp.asarray(states), LENGTHS, pool), expected, rtol=1e-5, atol=1e-6)


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="no pooling 'max': cls, mean, last"):
        pooled(jnp.asarray(STATES), LENGTHS, "max")
