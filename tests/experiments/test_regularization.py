"""DropConnect's inference against sampling, nested subsets, and L1's exact zeros."""

import jax
import numpy as np
import pytest

from deeplearn.train.parallel import Layout
from deeplearn.train.trainer import Trainer
from experiments.foundations import regularization
from experiments.foundations.regularization import Network, members, rectified_mean, subsets, zeros

from .pretend import pretend


def test_the_rectified_mean_is_that_of_samples():
    mean, variance = np.array([-1.0, 0.0, 0.7, 3.0]), np.array([0.5, 2.0, 1.0, 0.1])
    samples = mean + np.sqrt(variance) * np.random.default_rng(0).normal(size=(400_000, 4))
    np.testing.assert_allclose(rectified_mean(mean, variance), np.maximum(samples, 0).mean(0), atol=5e-3)


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


def test_each_subset_lies_in_the_next_and_comes_round_evenly():
    dataset = pretend("digits")
    split, sizes, order = subsets(dataset)
    assert sizes == [8, 16, 32, 64, 256]
    images, train = split.arrays()["image"], dataset.train.arrays()["image"]
    for index, size in enumerate(sizes):
        np.testing.assert_array_equal(images[:size, index], train[order[:size]])
        np.testing.assert_array_equal(images[size : 2 * size, index], images[: min(size, 256 - size), index])


def test_l1_alone_leaves_exact_zeros_and_more_the_stronger_it_is():
    config = regularization.Config(steps=60, batch_size=8, width=8, log_every=60)
    experiment = regularization.build(config, pretend("digits"))
    trainer = Trainer(experiment, config, Layout())
    states, _, _ = trainer.advance(trainer.initial(), 0)
    (trained,) = trainer.trained(states)
    for method in regularization.STRENGTHS:
        share = zeros(trained, method)
        assert share.shape == members(method)[1].shape
        if method != "l1":
            assert not share.any()
    by_strength = zeros(trained, "l1").reshape(5, -1).mean(0)
    assert np.all(np.diff(by_strength) > 0) and by_strength[-1] > 0.05
