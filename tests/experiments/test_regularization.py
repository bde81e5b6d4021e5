"""DropConnect's inference against sampling, and L1's exact zeros."""

import jax
import numpy as np
import pytest

from deeplearn.optim.penalties import fraction_of_zeros
from deeplearn.train.parallel import Layout
from deeplearn.train.trainer import Trainer
from experiments.foundations import regularization
from experiments.foundations.regularization import Network, members

from .pretend import pretend


@pytest.mark.parametrize("method", ["dropout", "dropconnect"])
def test_inference_is_the_mean_over_masks(method):
    """Exactly so for dropout of the last hidden layer; DropConnect's sums are only nearly Gaussian."""
    network = Network(method, 3, 2)
    x = np.random.default_rng(0).uniform(size=(1, 200)).astype(np.float32)
    params = network.init(jax.random.key(0), x, 0.5, train=False)
    many = np.repeat(x, 20_000, 0)
    sampled = network.apply(params, many, 0.5, train=True, rngs={"noise": jax.random.key(1)})
    found = network.apply(params, x, 0.5, train=False)[0]
    error = np.std(sampled, 0) / np.sqrt(len(many))
    np.testing.assert_allclose(found, np.mean(sampled, 0), atol=5 * error.max() + 3e-3)
    assert np.std(sampled, 0).min() > 0.05


def test_l1_alone_leaves_exact_zeros_and_more_the_stronger_it_is():
    config = regularization.Config(steps=60, batch_size=8, width=8, log_every=60)
    experiment = regularization.build(config, pretend("digits"))
    trainer = Trainer(experiment, config, Layout())
    states, _, _ = trainer.advance(trainer.initial(), 0)
    (trained,) = trainer.trained(states)
    for method in regularization.STRENGTHS:
        share = fraction_of_zeros(trained.variables["params"][method])
        assert share.shape == members(method)[1].shape
        if method != "l1":
            assert not share.any()
    by_strength = fraction_of_zeros(trained.variables["params"]["l1"]).reshape(5, -1).mean(0)
    assert np.all(np.diff(by_strength) > 0) and by_strength[-1] > 0.05
