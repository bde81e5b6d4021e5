"""The convolutional encoder and decoder: what reaches what, and their sizes."""

import jax
import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.models.convolutional import ConvDecoder, ConvEncoder


def randomised(module, *inputs):
    generator = np.random.default_rng(0)
    shapes = jax.eval_shape(module.init, jax.random.key(0), *inputs)
    return jax.tree.map(lambda leaf: 0.2 * generator.normal(size=leaf.shape).astype(np.float32), shapes)


@pytest.mark.parametrize(("side", "channels"), [(8, 1), (28, 3)])
def test_images_become_vectors_and_vectors_images(side, channels):
    image = np.random.default_rng(1).uniform(size=(2, side, side, channels)).astype(np.float32)
    encoder, decoder = ConvEncoder(2, 5), ConvDecoder(2, side, 2 * channels)
    code = encoder.apply(randomised(encoder, image), image)
    assert code.shape == (2, 5)
    assert decoder.apply(randomised(decoder, code), code).shape == (2, side, side, 2 * channels)


def test_every_pixel_has_its_say_and_every_latent_reaches_every_pixel():
    image = np.random.default_rng(1).uniform(size=(1, 8, 8, 1)).astype(np.float32)
    encoder, decoder = ConvEncoder(8, 3), ConvDecoder(8, 8, 1)
    weights = randomised(encoder, image)
    slopes = jax.jacobian(lambda x: encoder.apply(weights, x)[0])(image)
    assert (np.abs(slopes).max(0) > 0).all()
    code = np.ones((1, 3), np.float32)
    weights = randomised(decoder, code)
    slopes = jax.jacobian(lambda z: decoder.apply(weights, z)[0])(code)
    assert (np.abs(slopes) > 0).mean() > 0.9


def test_dropout_is_for_training_only():
    code = np.ones((4, 3), np.float32)
    decoder = ConvDecoder(4, 8, 1, dropout=0.5)
    weights = randomised(decoder, code)
    calm = [decoder.apply(weights, code, rngs={"dropout": jax.random.key(s)}) for s in (0, 1)]
    np.testing.assert_array_equal(*calm)
    wild = decoder.apply(weights, code, train=True, rngs={"dropout": jax.random.key(0)})
    assert np.abs(np.asarray(wild - calm[0])).max() > 1e-3


def test_other_sizes_are_refused():
    with pytest.raises(UserError, match="10 pixels"):
        ConvDecoder(2, 10, 1).init(jax.random.key(0), np.ones((1, 2)))
