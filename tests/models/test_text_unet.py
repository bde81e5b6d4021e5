"""The text-conditional U-Net: shapes, what its output depends on, and published sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.text_unet import Level, TextUNet, depth_to_space, space_to_depth

generator = np.random.default_rng(0)
X, LOW = generator.normal(size=(2, 3, 8, 16, 2)).astype(np.float32)
RATIO, LOW_RATIO = np.array([0.1, 1.0, 10.0], np.float32), np.array([0.5, 1.0, 2.0], np.float32)
VECTOR, SEQUENCE = generator.normal(size=(3, 5)).astype(np.float32), generator.normal(size=(3, 4, 6))
MASK = np.array([[True] * 4, [True, True, False, False], [False] * 4])
NETWORK = TextUNet((Level(8), Level(8, 1, True, True)), patch=2, scale_shift=True, head=8)
ARGS = (X, RATIO, VECTOR, SEQUENCE.astype(np.float32), MASK, LOW, LOW_RATIO)


def random_weights(module, *args):
    generator = np.random.default_rng(1)
    shapes = jax.eval_shape(module.init, jax.random.key(0), *args)
    return jax.tree.map(lambda leaf: generator.normal(scale=0.3, size=leaf.shape).astype(np.float32), shapes)


@pytest.fixture(name="network", scope="module")
def network_with_random_weights():
    variables, apply = random_weights(NETWORK, *ARGS), jax.jit(NETWORK.apply)
    return lambda *args: np.asarray(apply(variables, *args))


@pytest.mark.parametrize("place", range(len(ARGS)))
def test_an_example_depends_on_all_of_its_own_and_on_nothing_else(network, place):
    before, args = network(*ARGS), list(ARGS)
    assert before.shape == X.shape and np.isfinite(before).all()
    args[place] = ARGS[place].copy()
    args[place][1] = ~ARGS[place][1] if ARGS[place].dtype == bool else 1.5 * ARGS[place][1]
    difference = np.abs(network(*args) - before).max((1, 2, 3))
    assert difference[1] > 1e-4 and not difference[[0, 2]].any()


def test_words_beyond_the_mask_are_not_read(network):
    other = SEQUENCE.astype(np.float32).copy()
    other[~MASK] += 1
    np.testing.assert_array_equal(network(*ARGS[:3], other, *ARGS[4:]), network(*ARGS))


def test_a_fresh_network_says_nothing():
    module = TextUNet((Level(8),), positions=False)
    args = (X, RATIO, VECTOR, SEQUENCE, MASK)
    assert not jax.jit(lambda key: module.init_with_output(key, *args)[0])(jax.random.key(0)).any()


def test_space_to_depth_is_undone_and_keeps_squares_together():
    x = jnp.arange(4 * 6 * 2.0).reshape(1, 4, 6, 2)
    patches = space_to_depth(x, 2)
    assert patches.shape == (1, 2, 3, 8)
    np.testing.assert_array_equal(patches[0, 1, 2].reshape(2, 2, 2), x[0, 2:4, 4:6])
    np.testing.assert_array_equal(depth_to_space(patches, 2), x)


def test_sides_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match="8×16 pixels cannot be cut and halved by 16"):
        jax.eval_shape(NETWORK.clone(patch=8).init, jax.random.key(0), *ARGS)
