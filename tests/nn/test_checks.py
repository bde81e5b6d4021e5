"""Assertions name the argument and both shapes, and leave nothing in a program; layers refuse what does not fit."""

import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deeplearn.losses.classification import cross_entropy
from deeplearn.losses.elbo import bernoulli_log_likelihood
from deeplearn.nn import dropconnect, functional, pooling, sigmoid_belief
from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import assert_broadcastable, assert_integers, assert_shapes
from deeplearn.nn.depthwise import DepthwiseConv
from deeplearn.nn.dropconnect import DropConnect
from deeplearn.nn.dynamic_filter import DynamicFilters, dynamic_conv, dynamic_local_filter
from deeplearn.nn.few_labels import FewLabels
from deeplearn.nn.gated import GatedConv
from deeplearn.nn.grouped import GroupedConv
from deeplearn.nn.lrn import local_response_norm
from deeplearn.nn.separable import SeparableConv, SpatiallySeparableConv
from deeplearn.nn.strided import HalvingConv
from deeplearn.nn.tied import TiedAutoencoder
from deeplearn.nn.transposed import TransposedConv


def floats(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


@pytest.mark.parametrize(
    ("axes", "shapes"),
    [
        (("batch classes", "batch"), ((8, 10), (8,))),
        (("batch side side",), ((8, 5, 5),)),
        (("batch ... channels",), ((8, 3),)),
        (("batch ... channels", "..."), ((8, 5, 6, 3), (1, 2))),
        (("*lead pixels", "*lead pixels parts"), ((2, 3, 4), (2, 3, 4, 7))),
        (("*lead pixels", "*lead"), ((4,), ())),
        (("batch 3", ""), ((2, 3), ())),
    ],
)
def test_shapes_that_fit_pass(axes, shapes):
    assert_shapes(**{f"x{k}": (floats(*shape), axes[k]) for k, shape in enumerate(shapes)})


@pytest.mark.parametrize(
    ("axes", "shapes", "says"),
    [
        (("batch classes", "batch"), ((8, 10), (8, 1)), "x1 has shape (8, 1), not [batch=8], beside x0 (8, 10)"),
        (("batch classes", "batch"), ((8, 10), (10,)), "x1 has shape (10,), not [batch=8], beside x0 (8, 10)"),
        (("batch classes",), ((8,),), "x0 has shape (8,), not [batch, classes]"),
        (("batch side side",), ((8, 5, 6),), "x0 has shape (8, 5, 6), not [batch, side, side]"),
        (("batch ... channels",), ((8,),), "x0 has shape (8,), not [batch, ..., channels]"),
        (
            ("*lead d", "*lead d k"),
            ((2, 3, 4), (2, 2, 4, 7)),
            "x1 has shape (2, 2, 4, 7), not [*lead=(2, 3), d=4, k]",
        ),
        (("*lead d", "*lead"), ((2, 3, 4), (2,)), "x1 has shape (2,), not [*lead=(2, 3)]"),
        (("batch 3",), ((2, 4),), "x0 has shape (2, 4), not [batch, 3]"),
        (("3 batch", "3"), ((3, 2), (4,)), "x1 has shape (4,), not [3], beside x0 (3, 2)"),
        (("",), ((1,),), "x0 has shape (1,), not []"),
    ],
)
def test_shapes_that_do_not_are_named(axes, shapes, says):
    with pytest.raises(AssertionError, match=re.escape(says)):
        assert_shapes(**{f"x{k}": (floats(*shape), axes[k]) for k, shape in enumerate(shapes)})


def test_what_does_not_broadcast_is_named():
    assert_broadcastable(x=floats(3, 5), mean=floats(), log_variance=floats(7, 1, 5))
    says = "x has shape (3, 5), which does not broadcast with mean (), log_variance (7, 4, 5)"
    with pytest.raises(AssertionError, match=re.escape(says)):
        assert_broadcastable(x=floats(3, 5), mean=floats(), log_variance=floats(7, 4, 5))


def test_what_is_not_of_integers_is_named():
    assert_integers(label=np.zeros(3, np.uint8), row=jnp.zeros(3, jnp.int32))
    with pytest.raises(AssertionError, match="row is of type float32, not of integers"):
        assert_integers(label=np.zeros(3, int), row=jnp.zeros(3))


def plain_cross_entropy(logits, label):
    loss = optax.softmax_cross_entropy_with_integer_labels(logits.astype(jnp.float32), label).mean()
    return loss, {"accuracy": (logits.argmax(-1) == label).mean()}


def plain_bernoulli(logits, x):
    return (functional.log_sigmoid(logits) - (1 - x) * logits).sum(-1)


@pytest.mark.parametrize(
    ("asserted", "plain", "arguments"),
    [
        (cross_entropy, plain_cross_entropy, (floats(4, 3), jax.ShapeDtypeStruct((4,), jnp.int32))),
        (bernoulli_log_likelihood, plain_bernoulli, (floats(4, 3), floats(4, 3))),
    ],
)
def test_a_traced_program_is_the_one_without_assertions(asserted, plain, arguments):
    assert str(jax.make_jaxpr(asserted)(*arguments)) == str(jax.make_jaxpr(plain)(*arguments))


def test_so_is_that_of_a_layer():
    layer, x = SeparableConv(3, 3), floats(2, 5, 5, 2)
    variables = jax.eval_shape(layer.init, jax.random.key(0), x)
    with_assertions = str(jax.make_jaxpr(layer.apply)(variables, x))
    chex.disable_asserts()
    try:
        without = str(jax.make_jaxpr(layer.apply)(variables, x))
        assert_shapes(x=(x, "batch"))  # they are off
    finally:
        chex.enable_asserts()
    assert with_assertions == without


LAYERS = [
    *(DepthwiseConv(3), GroupedConv(4, 3, groups=2), SeparableConv(4, 3), SpatiallySeparableConv(4, 3)),
    *(HalvingConv(4), TransposedConv(4, 3), GatedConv(4, (3, 3)), DynamicFilters(2, (3, 3))),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("shape", [(6, 6, 4), (1, 2, 6, 6, 4)])
def test_a_layer_for_images_refuses_another_rank(layer, shape):
    says = re.escape(f"x has shape {shape}, not [batch, height, width, channels]")
    with pytest.raises(AssertionError, match=says):
        jax.eval_shape(layer.init, jax.random.key(0), floats(*shape))


@pytest.mark.parametrize(
    "pool",
    [
        lambda x: pooling.max_pool(x, 2),
        lambda x: pooling.avg_pool(x, 2),
        lambda x: pooling.l2_pool(x, 2),
        lambda x: pooling.stochastic_pool(x, None, 2),
    ],
)
def test_a_pool_refuses_another_rank(pool):
    with pytest.raises(AssertionError, match=r"x has shape \(6, 6, 4\), not \[batch, height, width, channels\]"):
        jax.eval_shape(pool, floats(6, 6, 4))


KERNEL, BIAS = floats(5, 3), floats(3)
POOL = {"image": np.zeros((8, 3)), "label": np.zeros(8, int), "row": np.arange(8)}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: init(BatchNorm(), floats(3), False), "x has shape (3,), not [batch, ..., features]"),
        (lambda: init(DropConnect(3), floats(2, 4, 5), True), "v has shape (2, 4, 5), not [batch, inputs]"),
        (lambda: init(GatedConv(4, (3,), padding="CAUSAL"), floats(6, 4)), "x has shape (6, 4), not [batch, time,"),
        (lambda: init(TiedAutoencoder(6, (4,)), floats(2, 5)), "x has shape (2, 5), not [batch, 6]"),
        (lambda: init(TiedAutoencoder(6, (4,)), floats(6)), "x has shape (6,), not [batch, 6]"),
        (
            lambda: jax.eval_shape(dynamic_conv, floats(2, 6, 6, 3), floats(3, 3, 3, 3, 4)),
            "filters has shape (3, 3, 3, 3, 4), not [batch=2, rows, columns, channels=3, features]",
        ),
        (
            lambda: jax.eval_shape(dynamic_local_filter, floats(2, 6, 6, 3), floats(2, 6, 5, 3, 3)),
            "filters has shape (2, 6, 5, 3, 3), not [batch=2, height=6, width=6, rows, columns]",
        ),
        (lambda: masked(floats(2, 4), KERNEL, BIAS), "kernel has shape (5, 3), not [inputs=4, features]"),
        (lambda: masked(floats(2, 5), KERNEL, floats(1)), "bias has shape (1,), not [features=3]"),
        (
            lambda: jax.eval_shape(dropconnect.rectified_mean, floats(2, 3), floats(3)),
            "variance has shape (3,), not [*shape=(2, 3)]",
        ),
        (lambda: functional.flat(np.zeros(())), "x has shape (), not [batch, ...]"),
        (lambda: jax.eval_shape(local_response_norm, floats()), "x has shape (), not [..., channels]"),
        (lambda: few(row=np.arange(7)), "image has shape (8, 3), not [n=7, ...]"),
        (lambda: few(label=np.zeros((8, 1), int)), "label has shape (8, 1), not [n=8]"),
        (lambda: few(label=np.zeros(8)), "label is of type float64, not of integers"),
        (
            lambda: sampled([(KERNEL, BIAS), (floats(4, 2), floats(2))], floats(7, 5)),
            "the kernel of layers[1] has shape (4, 2), not [units_1=3, units_2]",
        ),
        (lambda: sampled([(KERNEL, BIAS)], floats(5)), "x has shape (5,), not [batch, units_0]"),
        (
            lambda: jax.eval_shape(sigmoid_belief.log_probability, [(KERNEL, BIAS)], [floats(7, 5), floats(6, 3)]),
            "states[1] has shape (6, 3), not [batch=7, units_1], beside states[0] (7, 5)",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(call, says):
    with pytest.raises(AssertionError, match=re.escape(says)):
        call()


def init(module, x, *args):
    return jax.eval_shape(lambda x: module.init(jax.random.key(0), x, *args), x)


def masked(v, kernel, bias):
    return jax.eval_shape(lambda *args: dropconnect.masked_moments(*args, 0.5), v, kernel, bias)


def few(**changes):
    return FewLabels(2, 4).init(jax.random.key(0), POOL | changes, 1)


def sampled(layers, x):
    return jax.eval_shape(lambda *args: sigmoid_belief.sampled_pass(*args, jax.random.key(0)), layers, x)
