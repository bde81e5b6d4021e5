"""The minibatch standard deviation, example by example in numpy."""

import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn.minibatch_stddev import minibatch_stddev


@pytest.mark.parametrize(("shape", "size"), [((8, 2, 3, 2), 4), ((6, 5), 6), ((4, 3), 4)])
def test_the_last_feature_is_the_groups_mean_deviation(shape, size):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = np.asarray(minibatch_stddev(jnp.asarray(x)))
    assert found.shape == (*shape[:-1], shape[-1] + 1)
    np.testing.assert_array_equal(found[..., :-1], x)
    groups = shape[0] // size
    for one in range(shape[0]):
        others = x[one % groups :: groups]  # groups apart
        assert len(others) == size
        np.testing.assert_allclose(found[one, ..., -1], others.std(0).mean(), rtol=1e-5)
