"""Layers that have a form of their own for the CPU are programs for other machines too."""

import jax
import jax.numpy as jnp
import pytest

from deeplearn.nn.conv import Conv
from deeplearn.nn.depthwise import DepthwiseConv
from deeplearn.nn.dynamic_filter import DynamicFilters
from deeplearn.nn.grouped import GroupedConv
from deeplearn.nn.pooling import avg_pool, max_pool
from deeplearn.nn.strided import HalvingConv
from deeplearn.nn.transposed import TransposedConv

LAYERS = {
    "conv": Conv(8, (3, 3)),
    "depthwise": DepthwiseConv(3),
    "dynamic": DynamicFilters(8, (3, 3)),
    "grouped": GroupedConv(64, 3, groups=2),
    "halving": HalvingConv(8),
    "transposed": TransposedConv(8, 4, 2, 1),
}
IMAGES = jax.ShapeDtypeStruct((2, 16, 16, 64), jnp.float32)


def programs(function, *arguments):
    """{platform: the program of the value and its gradient}."""
    slopes = jax.value_and_grad(lambda *arguments: function(*arguments).sum(), range(len(arguments)))
    traced = jax.jit(slopes).trace(*arguments)
    return {platform: traced.lower(lowering_platforms=(platform,)).as_text() for platform in ("cpu", "cuda")}


@pytest.mark.parametrize("name", LAYERS)
def test_elsewhere_a_layer_is_the_native_convolution(name):
    layer = LAYERS[name]
    found = programs(layer.apply, jax.eval_shape(layer.init, jax.random.key(0), IMAGES), IMAGES)
    assert "stablehlo.convolution" in found["cuda"] and found["cpu"] != found["cuda"]


@pytest.mark.parametrize("pool", [max_pool, avg_pool])
def test_elsewhere_a_pool_is_the_native_one(pool):
    found = programs(lambda x: pool(x, 2), IMAGES)
    assert "reduce_window" in found["cuda"] and "reduce_window" not in found["cpu"]
    plain = programs(jnp.sin, IMAGES)
    assert plain["cpu"] == plain["cuda"]  # what does not depend on the machine
