"""Bits back with a VAE of random weights: what comes out is what went in, and it costs the negative ELBO."""

import jax
import numpy as np
import pytest

from deeplearn.codec import bits_back
from deeplearn.losses.likelihoods import Logistic
from deeplearn.losses.vae import elbo, negative_elbo
from deeplearn.models.vae import VAE
from deeplearn.train import Trained

RNG = np.random.default_rng(0)
LEVELS = 5
IMAGES = RNG.integers(LEVELS, size=(150, 4, 3, 1), dtype=np.uint8)


@pytest.fixture(name="trained", scope="module")
def vae_with_random_weights():
    model, batch = VAE((4, 3, 1), 3, (6,), Logistic(LEVELS, 2)), {"image": IMAGES.astype(np.float32)}
    shapes = jax.eval_shape(lambda key: model.init(key, batch, method=negative_elbo), jax.random.key(0))
    variables = jax.tree.map(lambda leaf: RNG.normal(0, 0.3, leaf.shape).astype(np.float32), shapes)
    # Posteriors far narrower than the prior, and images that depend on the latents.
    variables["params"]["decoder"]["Dense_0"]["kernel"] *= 2
    variables["params"]["encoder"]["Dense_1"]["bias"][3:] -= 3
    return Trained(model, variables, jax.random.key(1))


@pytest.mark.parametrize("streams", [1, 4])
def test_images_come_back_bit_for_bit(trained, streams):
    words, bits, not_returned = bits_back.encode(trained, IMAGES, streams)
    np.testing.assert_array_equal(bits_back.decode(trained, words, len(IMAGES), streams), IMAGES)
    # A head is 64 bits, of which 32 say nothing; where the first images fill none, zeros stand below.
    assert 0 <= 32 * len(words) - bits.sum() - not_returned <= 64 * streams
    assert not_returned > 5 * streams


def test_the_length_is_the_negative_elbo(trained):
    """Latents drawn by the coder instead of by JAX: the same mean, to the error of the draws."""
    encoded = bits_back.encode(trained, np.tile(IMAGES, (8, 1, 1, 1)), 4)
    grey = {"image": (IMAGES / np.float32(LEVELS - 1)).astype(np.float32)}
    elbos = [trained.folded(draw).mean(elbo, grey)["elbo"] for draw in range(50)]
    assert encoded.bits.mean() == pytest.approx(-np.mean(elbos) / np.log(2), rel=0.01)


def test_a_machine_that_adds_in_another_order_decodes_the_same(trained):
    """Weights two parts in 10⁹ apart stand in for it: far more than float64 rounds, less than float32 does."""
    words, _, _ = bits_back.encode(trained, IMAGES, 1)
    with jax.enable_x64(True):
        variables = jax.tree.map(lambda x: x.astype(np.float64) * (1 + 2e-9), trained.variables)
    other = Trained(trained.model, variables, trained.key)
    np.testing.assert_array_equal(bits_back.decode(other, words, len(IMAGES), 1), IMAGES)


def test_other_weights_decode_to_something_else(trained):
    words, _, _ = bits_back.encode(trained, IMAGES, 1)
    other = Trained(trained.model, jax.tree.map(lambda x: x * 1.01, trained.variables), trained.key)
    assert (bits_back.decode(other, words, len(IMAGES), 1) != IMAGES).any()
