"""Networks refuse arrays that do not fit, by the name of the argument."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from deeplearn.models.autoencoder import Autoencoder
from deeplearn.models.convolutional import ConvDecoder, ConvEncoder
from deeplearn.models.dcgan import Critic, Generator
from deeplearn.models.deep_belief_net import DeepBeliefNet, log_weights, sample
from deeplearn.models.denoiser import Condition, DenoisingMLP, ResidualBlock, UNet, level_features
from deeplearn.models.dense_generator import DenseGenerator
from deeplearn.models.googlenet import adaptive_avg_pool
from deeplearn.models.mlp import MLP
from deeplearn.models.population import Population
from deeplearn.models.rbm import RBM
from deeplearn.models.samplers import SAMPLERS
from deeplearn.models.samplers import sample as diffuse
from deeplearn.models.support import gradient_support
from deeplearn.models.transfer import Learner, Transfer
from deeplearn.models.warm_start import WarmStarted
from deeplearn.models.zoo import ZOO

KEY = jax.random.key(0)


def floats(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def integers(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.int32)


def initialise(module, *arguments, **static):
    streams = {"params": KEY, "dropout": KEY, "noise": KEY}
    return jax.eval_shape(lambda *arguments: module.init(streams, *arguments, **static), *arguments)


def refuses(says):
    return pytest.raises(AssertionError, match=re.escape(says))


@pytest.mark.parametrize("name", ZOO)
def test_every_member_of_the_zoo_refuses_a_single_image(name):
    with refuses("x has shape (32, 32, 3), not [batch, height, width, channels]"):
        initialise(ZOO[name].small(4), floats(32, 32, 3))


MEMBERS = Population(partial(MLP, (4,), 3), 2)
SETTINGS = Population(partial(MLP, (4,), 3), 2, settings=(0.1, 0.2, 0.3))
START = [(floats(6, 5), floats(5)), (floats(5, 3), floats(3))]


@pytest.mark.parametrize(
    ("module", "arguments", "says"),
    [
        (MLP((4,), 3), (floats(),), "x has shape (), not [batch, ...]"),
        (Autoencoder(6, (4, 2)), (floats(8, 5),), "x has shape (8, 5), not [batch, 6]"),
        (Autoencoder(4, (4, 2)), (floats(8, 2, 2),), "x has shape (8, 2, 2), not [batch, 4]"),
        (ConvEncoder(2, 5), (floats(2, 8, 16, 1),), "x has shape (2, 8, 16, 1), not [batch, side, side, channels]"),
        (ConvDecoder(2, 8, 1), (floats(2, 3, 5),), "z has shape (2, 3, 5), not [batch, latents]"),
        (Critic(), (floats(8, 8, 1),), "x has shape (8, 8, 1), not [batch, side, side, channels]"),
        (
            DenoisingMLP(8, 1),
            (floats(4, 2, 2), floats(4), integers(4)),
            "x has shape (4, 2, 2), not [batch, features]",
        ),
        (DenoisingMLP(8, 1), (floats(4, 2), floats(1), integers(4)), "ratio has shape (1,), not [batch=4]"),
        (UNet((8,)), (floats(4, 8, 8, 1), floats(4), integers(4, 1)), "label has shape (4, 1), not [batch=4]"),
        (UNet((8,)), (floats(4, 8, 8, 1), floats(4), floats(4)), "label is of type float32, not of integers"),
        (
            UNet((8,)),
            (floats(4, 8, 8), floats(4), integers(4)),
            "x has shape (4, 8, 8), not [batch, height, width,",
        ),
        (Condition(8, 3), (floats(4), integers(3)), "label has shape (3,), not [batch=4], beside ratio (4,)"),
        (
            ResidualBlock(8),
            (floats(4, 8, 8, 8), floats(3, 5)),
            "condition has shape (3, 5), not [batch=4, condition], beside x (4, 8, 8, 8)",
        ),
        (MEMBERS, (floats(),), "x has shape (), not [batch, ...]"),
        (SETTINGS, (floats(6, 5),), "settings[0] has shape (3,), not [2]"),
        (WarmStarted((5, 3), 2), (floats(7, 4, 6),), "x has shape (7, 4, 6), not [batch, inputs]"),
        (
            WarmStarted((5, 4), 2),
            (floats(7, 6), START),
            "the kernel of start[1] has shape (5, 3), not [5, 4]",
        ),
        (Learner(MLP((4,), 3), 2), (floats(8, 4),), "image has shape (8, 4), not [batch, height, width, channels]"),
    ],
)
def test_a_network_refuses_what_does_not_fit_by_name(module, arguments, says):
    with refuses(says):
        initialise(module, *arguments)


@pytest.mark.parametrize(
    ("module", "shape", "says"),
    [
        (Generator(8, 1), (4, 3, 5), "z has shape (4, 3, 5), not [batch, latents]"),
        (DenseGenerator((2, 2), (4,)), (5,), "z has shape (5,), not [batch, latents]"),
    ],
)
def test_so_do_those_that_are_passed_whether_they_train(module, shape, says):
    with refuses(says):
        initialise(module, floats(*shape), train=True)


@pytest.mark.parametrize(
    ("method", "arguments", "says"),
    [
        (RBM.free_energy, (floats(8, 5),), "v has shape (8, 5), not [batch, 4]"),
        (RBM.hidden_logits, (floats(4),), "v has shape (4,), not [batch, 4]"),
        (RBM.visible_mean, (floats(8, 4),), "h has shape (8, 4), not [batch, 3]"),
        (partial(RBM.gibbs, key=KEY, steps=2), (floats(4),), "v has shape (4,), not [batch, 4]"),
        (partial(RBM.gibbs_of_hidden, key=KEY, steps=2), (floats(8, 4),), "h has shape (8, 4), not [batch, 3]"),
    ],
)
def test_a_machine_refuses_other_units(method, arguments, says):
    with refuses(says):
        initialise(RBM(4, 3), *arguments, method=method)


def test_a_deep_belief_net_refuses_images():
    net = DeepBeliefNet([], [], None)
    for function in (log_weights, partial(sample, steps=2)):
        with refuses("v has shape (8, 2, 2), not [batch, visible]"):
            jax.eval_shape(lambda v, function=function: function(net, v, key=KEY), floats(8, 2, 2))


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_step_of_a_sampler_refuses_a_level_for_each_example(name):
    def step(x, ratio):
        return SAMPLERS[name](lambda x, ratio: (x, x), x, ratio, ratio, KEY)

    with refuses("ratio has shape (8,), not []"):
        jax.eval_shape(step, floats(8, 2), floats(8))


def test_a_sampler_names_what_its_denoiser_returns():
    with refuses("denoiser's ε̂ has shape (8,), not [*shape=(8, 2)], beside x (8, 2), denoiser's x̂ (8, 2)"):
        diffuse(SAMPLERS["ddim"], lambda x, ratio: (x, ratio), KEY, (8, 2), jnp.array([1.0, 0.5]))
    with refuses("ratios has shape (), not [levels]"):
        diffuse(SAMPLERS["ddim"], lambda x, ratio: (x, x), KEY, (8, 2), jnp.float32(1))


def test_functions_of_arrays_refuse_other_ranks():
    with refuses("ratio has shape (), not [batch]"):
        jax.eval_shape(lambda ratio: level_features(ratio, 6), floats())
    with refuses("x has shape (8, 8, 3), not [batch, height, width, channels]"):
        jax.eval_shape(lambda x: adaptive_avg_pool(x, 2), floats(8, 8, 3))
    with refuses("model's output has shape (1, 5), not [1, height, width, features]"):
        gradient_support(MLP((), 5), (4, 4, 1))


class Net(nn.Module):
    @nn.compact
    def __call__(self, image, train=False):
        return image.reshape(len(image), -1)


def test_transfer_refuses_a_single_image():
    with refuses("image has shape (4, 4, 1), not [batch, height, width, channels]"):
        initialise(Transfer(Net(), 2, (1,), 10, source_classes=7), floats(4, 4, 1), count=1, method="logits")


def test_members_with_inputs_of_their_own_refuse_those_of_other_members():
    with refuses("x has shape (3, 6, 5), not [2, batch, ...]"):
        initialise(MEMBERS, floats(3, 6, 5), own_inputs=True)
