"""How a state lies on a mesh."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec

from deeplearn.train.parallel import DATA, MODEL, make_layout

LAYOUT = make_layout("data:2,model:2", "jit")


@pytest.mark.parametrize(
    ("shape", "split"),
    [((4, 4, 6, 2), 2), ((4, 4, 1, 2), 3), ((4, 4, 1, 3), None), ((8, 6), 0), ((6,), None), ((5, 4, 4, 2, 2), 3)],
)
def test_a_kernel_is_split_over_its_features_alone(shape, split):
    spec = LAYOUT.shardings({"kernel": jnp.zeros(shape)})["kernel"].spec
    assert [axis for axis, name in enumerate(spec) if name == MODEL] == ([] if split is None else [split])


@pytest.mark.parametrize("shape", [(4, 4, 4, 1), (2, 2, 4, 8), (8, 8, 2, 4)])
def test_a_convolution_of_channels_that_are_split_is_the_same(shape):
    """Of a kernel that is split over its height XLA would make something else."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 4, 4, shape[2])).astype(np.float32)
    kernel = rng.normal(size=shape).astype(np.float32)

    def convolution(x, kernel):
        return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    split = jax.device_put(x, NamedSharding(LAYOUT.mesh, PartitionSpec(DATA, None, None, MODEL)))
    channels = jax.device_put(x, NamedSharding(LAYOUT.mesh, PartitionSpec(None, None, None, MODEL)))
    placed = jax.device_put(kernel, LAYOUT.shardings(kernel))
    for images in (split, channels):
        made = jax.jit(convolution)(images, placed)
        np.testing.assert_allclose(made, jax.jit(convolution)(x, kernel), rtol=1e-4, atol=1e-4)
