"""Instance norm: each channel of each image by its own mean and variance."""

import jax
import numpy as np
import pytest

from deeplearn.nn.instance_norm import InstanceNorm


@pytest.mark.parametrize("affine", [True, False])
def test_each_channel_of_each_image_by_itself(affine):
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, size=(2, 4, 5, 3)).astype(np.float32)
    module = InstanceNorm(affine)
    variables = jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), dict(module.init(jax.random.key(0), x))
    )
    expected = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
    if affine:
        (own,) = variables["params"].values()
        expected = expected * own["scale"] + own["bias"]
    np.testing.assert_allclose(module.apply(variables, x), expected, rtol=1e-4, atol=1e-5)
