"""What the decoder is told, and what is left out; the blur of smaller pictures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import correlate1d

from deeplearn.models.text_reader import TextReader
from deeplearn.models.unclip import CONTEXT, PictureReader, blurred, scaled, unclip_decoder, unclip_upsampler

READER = PictureReader(TextReader(9, 8, 1, 2))
VECTOR = np.eye(2, 5, dtype=np.float32)
TOKENS, LENGTH = np.array([[2, 5, 3], [2, 3, 0]]), np.array([3, 2])


@pytest.fixture(scope="module")
def told():
    variables = READER.init(jax.random.key(0), VECTOR, TOKENS, LENGTH, np.ones(2, bool))

    def told(vector, length, given):
        return READER.apply(variables, vector, TOKENS, length, np.array(given))

    return told


def test_a_vector_that_is_left_out_says_nothing(told):
    one, other = (told(vector, LENGTH, [False, True]) for vector in (VECTOR, -VECTOR))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
    assert not one[0][0, :5].any() and not one[2][0, :CONTEXT].any()
    np.testing.assert_allclose(one[0][1, :5], np.sqrt(5) * VECTOR[1], rtol=1e-6)
    assert np.abs(one[1][1, :CONTEXT] - other[1][1, :CONTEXT]).max() > 0.1 and one[2][1, :CONTEXT].all()


def test_a_caption_that_is_left_out_says_nothing(told):
    vector, sequence, mask = told(VECTOR, np.zeros(2, int), [True, True])
    assert not vector[:, 5:].any() and not mask[:, CONTEXT:].any()
    assert sequence.shape == (2, CONTEXT + 3, 8)


def test_scaled_vectors_have_elements_of_unit_variance():
    x = np.random.default_rng(0).normal(size=(100, 64))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    assert np.square(scaled(x)).mean() == pytest.approx(1)


def test_the_blur_is_scipy_s():
    image = np.random.default_rng(0).uniform(size=(2, 6, 5, 3)).astype(np.float32)
    std = np.array([0.3, 0.9], np.float32)
    for row, width in enumerate(std):
        weights = np.exp(-0.5 * np.array([-1, 0, 1]) ** 2 / width**2)
        expected = image[row]
        for axis in (0, 1):
            expected = correlate1d(expected, weights / weights.sum(), axis, mode="nearest")
        np.testing.assert_allclose(blurred(image, std)[row], expected, atol=1e-6)


def test_the_count_of_the_paper_s_decoder():
    """The paper says 3.5 B; what ours lacks of it is told where it is built."""
    reader, unet = unclip_decoder()
    tokens, length = jnp.zeros((1, 256), jnp.int32), jnp.ones(1, jnp.int32)

    def init():
        told = (jnp.zeros((1, 768)), tokens, length, jnp.ones(1, bool))
        condition, read = reader.init_with_output(jax.random.key(0), *told)
        return read, unet.init(jax.random.key(0), jnp.zeros((1, 64, 64, 3)), jnp.ones(1), *condition)

    counts = [
        sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree["params"])) for tree in jax.eval_shape(init)
    ]
    assert counts == [913_338_368, 1_844_233_219]


def test_the_counts_of_the_paper_s_upsamplers():
    """The paper says 700 M and 300 M."""
    counts = []
    for number, side in ((1, 32), (2, 64)):
        unet = unclip_upsampler(number)
        x, ratio = jnp.zeros((1, side, side, 3)), jnp.ones(1)
        told = jnp.zeros((1, 1)), jnp.zeros((1, 1, 1)), jnp.zeros((1, 1), bool)
        shapes = jax.eval_shape(unet.init, jax.random.key(0), x, ratio, *told, x, ratio)["params"]
        counts.append(sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes)))
    assert [round(count / 1e6) for count in counts] == [554, 195]
