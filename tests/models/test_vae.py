"""The VAE's networks: shapes of every likelihood, dense and convolutional; draws of any number for each image."""

import jax
import numpy as np
import pytest

from deeplearn.losses.likelihoods import Bernoulli, Gaussian, Logistic
from deeplearn.losses.vae import negative_elbo
from deeplearn.models.vae import VAE
from deeplearn.train import Trained

IMAGES = np.random.default_rng(0).uniform(size=(3, 8, 8, 1)).astype(np.float32)


def initialised(likelihood, network):
    vae = VAE((8, 8, 1), 2, (5, 4), likelihood, network, features=2)
    variables = vae.init(jax.random.key(0), {"image": IMAGES}, method=negative_elbo)
    return Trained(vae, variables, jax.random.key(1))


@pytest.mark.parametrize(
    ("likelihood", "network"),
    [(Bernoulli(), "dense"), (Gaussian(5), "dense"), (Logistic(5, 2), "dense"), (Logistic(5, 2), "conv")],
)
def test_images_go_in_and_images_come_out(likelihood, network):
    trained = initialised(likelihood, network)
    assert trained(VAE.observe, IMAGES).shape == (3, 64)
    assert trained(VAE.reconstruct, IMAGES).shape == (3, 8, 8, 1)
    samples = np.asarray(trained(VAE.sample, count=4))
    assert samples.shape == (4, 8, 8, 1) and np.ptp(samples, axis=0).max() > 0


@pytest.mark.parametrize("network", ["dense", "conv"])
def test_codes_of_any_leading_axes_are_decoded_alike(network):
    trained = initialised(Logistic(5, 2), network)
    z = np.random.default_rng(1).normal(size=(3, 4, 2)).astype(np.float32)
    outputs = np.asarray(trained(VAE.decode, z))
    assert outputs.shape == (3, 4, 64 * 6)
    np.testing.assert_allclose(outputs[1], trained(VAE.decode, z[1]), rtol=1e-5, atol=1e-6)


def test_a_reconstruction_is_the_image_at_the_mean_of_the_posterior():
    trained = initialised(Bernoulli(), "dense")
    mean, _ = trained(VAE.encode, (IMAGES > 0.5).reshape(3, 64).astype(np.float32))
    np.testing.assert_allclose(trained(VAE.reconstruct, IMAGES), trained(VAE.mean_image, mean), rtol=1e-5)
