"""Reconstruction losses by hand, of tied and of free decoders."""

import jax
import numpy as np
import pytest
from scipy.special import expit, log_expit

from deeplearn.losses.reconstruction import reconstruction_error, reconstruction_loss
from deeplearn.models.autoencoder import autoencoder, decode, encode, reconstruct
from deeplearn.train import Trained

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.uniform(size=(20, 4, 4, 1)).astype(np.float32)
X = IMAGES.reshape(20, 16)


@pytest.fixture(name="trained", params=[False, True], ids=["free", "tied"])
def with_random_weights(request):
    model = autoencoder(16, (8, 3), tied=request.param)
    shapes = jax.eval_shape(lambda key: model.init(key, X), jax.random.key(0))
    weights = jax.tree.map(lambda leaf: 0.5 * GENERATOR.normal(size=leaf.shape).astype(np.float32), shapes)
    return Trained(model, weights, jax.random.key(1))


def logits_of(model, x):
    return model(x)[1]


def test_each_loss_by_hand(trained):
    logits = np.asarray(trained(logits_of, X))
    squared = np.square(expit(logits) - X).mean()
    cross_entropy = -(X * log_expit(logits) + (1 - X) * log_expit(-logits)).sum(1).mean()
    batch = {"image": IMAGES}
    for kind, expected in (("squared", squared), ("cross_entropy", cross_entropy)):
        found, metrics = trained(reconstruction_loss, batch, loss=kind)
        assert float(found) == pytest.approx(expected, rel=1e-4)
        assert float(metrics["mse"]) == pytest.approx(squared, rel=1e-4)
    assert float(trained(reconstruction_error, batch)["mse"]) == pytest.approx(squared, rel=1e-4)


def test_noise_is_on_what_goes_in_and_not_on_what_is_wanted_back(trained):
    """A decoder that gives the same whatever the code does not feel the noise."""
    deaf = Trained(trained.model, jax.tree.map(np.zeros_like, trained.variables), trained.key)
    clean, noisy = (deaf(reconstruction_loss, {"image": IMAGES}, noise=noise)[0] for noise in (0.0, 5.0))
    assert float(clean) == float(noisy) == pytest.approx(np.square(0.5 - X).mean(), rel=1e-5)
    assert float(trained(reconstruction_loss, {"image": IMAGES}, noise=5.0)[0]) != pytest.approx(
        float(trained(reconstruction_loss, {"image": IMAGES})[0]), rel=1e-3
    )


def test_encoding_and_decoding_is_reconstructing(trained):
    code = trained(encode, X)
    assert code.shape == (20, 3)
    np.testing.assert_allclose(trained(decode, code), trained(reconstruct, X), rtol=1e-5)
