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
NETWORK = TextUNet((Level(8), Level(16, 2, True, True)), patch=2, scale_shift=True, head=8)
ARGS = (X, RATIO, VECTOR, SEQUENCE.astype(np.float32), MASK, LOW, LOW_RATIO)


def random_weights(module, *args):
    generator = np.random.default_rng(1)
    shapes = jax.eval_shape(module.init, jax.random.key(0), *args)
    return jax.tree.map(lambda leaf: generator.normal(scale=0.3, size=leaf.shape).astype(np.float32), shapes)


@pytest.fixture(name="network", scope="module")
def network_with_random_weights():
    """args -> (output [B, H, W, C], the gradient of the second output's sum in each argument)"""
    variables = random_weights(NETWORK, *ARGS)

    def second(x, ratio, vector, sequence, low, low_ratio):
        output = NETWORK.apply(variables, x, ratio, vector, sequence, MASK, low, low_ratio)
        return output[1].sum(), output

    function = jax.jit(jax.value_and_grad(second, argnums=range(6), has_aux=True))

    def call(x, ratio, vector, sequence, mask, low, low_ratio):
        (_, output), gradients = function(x, ratio, vector, sequence, low, low_ratio)
        names = ("x", "ratio", "vector", "sequence", "low", "low_ratio")
        return np.asarray(output), dict(zip(names, map(np.asarray, gradients), strict=True))

    return call


def test_an_example_depends_on_all_of_its_own_and_on_nothing_else(network):
    output, gradients = network(*ARGS)
    assert output.shape == X.shape
    for name, gradient in gradients.items():
        assert not gradient[[0, 2]].any(), name
        assert gradient[1].any(), name
    for name in ("x", "low", "vector"):
        assert np.all(gradients[name][1] != 0), name


def test_words_beyond_the_mask_are_not_read(network):
    _, gradients = network(*ARGS)
    assert gradients["sequence"][1, :2].any()
    assert not gradients["sequence"][1, 2:].any()


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
