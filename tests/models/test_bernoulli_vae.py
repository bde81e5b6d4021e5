"""A VAE of bits: codes of any leading axes, and a prior of fair coins at the start."""

import jax
import numpy as np

from deeplearn.models.bernoulli_vae import BernoulliVAE
from deeplearn.train import Trained

X = np.random.default_rng(0).integers(2, size=(5, 4)).astype(np.float32)


def through(vae, x):
    return vae.decode(vae.encode(x))


def test_shapes_and_the_prior_at_the_start():
    vae = BernoulliVAE(4, 3, (6,))
    trained = Trained(vae, vae.init(jax.random.key(0), X, method=through), jax.random.key(1))
    assert not np.any(trained.variables["params"]["prior"])
    assert trained(BernoulliVAE.encode, X).shape == (5, 3)
    h = np.random.default_rng(1).integers(2, size=(5, 2, 3)).astype(np.float32)
    logits = np.asarray(trained(BernoulliVAE.decode, h))
    assert logits.shape == (5, 2, 4)
    np.testing.assert_allclose(logits[:, 1], trained(BernoulliVAE.decode, h[:, 1]), rtol=1e-5)
