"""Parameter counts at the papers' size, and what each layer of the synthesis is told."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.stylegan import Mapping, Synthesis, layers, maps, mixed
from deeplearn.models.stylegan2 import SkipSynthesis, StyleDiscriminator


def parameters(module, *args):
    variables = jax.eval_shape(module.init, jax.random.key(0), *args)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables["params"]))


def shape(*sizes):
    return jax.ShapeDtypeStruct(sizes, jnp.float32)


def test_counts_at_1024_pixels():
    """As the released codes print them: mapping and synthesis together, without constant noise images.

    StyleGAN's 26,219,627 has an image layer for each smaller size, of which growing made use: 1×1 convolutions to
    three channels from 512 maps at 4, 8, 16 and 32 pixels, then 256, 128, 64 and 32.
    """
    key, styles = jax.random.key(0), shape(2, 18, 512)
    mapping = parameters(Mapping(512), shape(2, 512))
    growing = sum(3 * maps_ + 3 for maps_ in (512, 512, 512, 512, 256, 128, 64, 32))
    assert mapping + parameters(Synthesis(1024, 3, 16), styles, key) + growing == 26_219_627
    assert mapping + parameters(SkipSynthesis(1024, 3, 32), styles, key) == 30_370_060
    assert parameters(StyleDiscriminator(32), shape(4, 1024, 1024, 3)) == 29_012_513


@pytest.mark.parametrize(("side", "expected"), [(8, 4), (28, 6), (32, 8), (1024, 18)])
def test_each_size_takes_two_styles(side, expected):
    assert layers(side) == expected


def test_maps_double_towards_the_constant_up_to_the_widest():
    assert maps(28, 16, 512) == [64, 32, 16]
    assert maps(32, 16, 64) == [64, 64, 32, 16]


def test_the_second_style_takes_over_at_the_crossover():
    first, second = np.zeros((3, 4, 2), np.float32), np.ones((3, 4, 2), np.float32)
    found = mixed(first, second, jnp.array([1, 3, 4]))
    np.testing.assert_array_equal(found[..., 0], [[0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]])


@pytest.mark.parametrize("synthesis", [Synthesis, SkipSynthesis])
def test_every_style_and_the_noise_change_the_image_and_an_image_is_its_own(synthesis):
    model, rng = synthesis(8, 2, 3, 4), np.random.default_rng(0)
    styles, key = rng.normal(size=(2, 4, 5)).astype(np.float32), jax.random.key(0)
    shapes = jax.eval_shape(model.init, key, styles, key)
    variables = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes)
    apply = jax.jit(model.apply)
    image = np.asarray(apply(variables, styles, key))
    assert image.shape == (2, 8, 8, 2)
    for layer in range(4):
        other = styles.copy()
        other[0, layer] += 1
        changed = np.asarray(apply(variables, other, key))
        assert np.abs(changed[0] - image[0]).max() > 1e-3
        np.testing.assert_allclose(changed[1], image[1], atol=1e-4)
    assert np.abs(np.asarray(apply(variables, styles, jax.random.key(1))) - image).max() > 1e-3


def test_the_mapping_does_not_see_how_long_z_is():
    z = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    model = Mapping(4, depth=2)
    variables = model.init(jax.random.key(0), z)
    w = model.apply(variables, z)
    np.testing.assert_allclose(model.apply(variables, 7 * z), w, rtol=1e-4)
    assert w.std() > 0.1


@pytest.mark.parametrize("residual", [False, True])
def test_the_discriminator_judges_each_image_by_itself(residual):
    model, rng = StyleDiscriminator(2, 4, residual, minibatch_stddev=False), np.random.default_rng(0)
    x = rng.uniform(size=(3, 14, 14, 1)).astype(np.float32)
    shapes = jax.eval_shape(model.init, jax.random.key(0), x)
    variables = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes)
    other = x.copy()
    other[1] = 1 - other[1]
    apply = jax.jit(model.apply)
    before, after = np.asarray(apply(variables, x)), np.asarray(apply(variables, other))
    assert before.shape == (3,)
    np.testing.assert_allclose(before[[0, 2]], after[[0, 2]], rtol=1e-5)
    assert abs(before[1] - after[1]) > 1e-3
