"""The backward pass written by hand: against finite differences, and against JAX through a training run."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, log_softmax

from deeplearn.train.parallel import Layout
from deeplearn.train.trainer import Trainer
from experiments.foundations import backpropagation

from .pretend import pretend

LABEL = np.array([0, 2, 1, 2, 0])


def problem():
    rng = np.random.default_rng(0)
    widths = [4, 6, 3, 3]
    weights = tuple((rng.normal(size=shape), rng.normal(size=shape[1])) for shape in itertools.pairwise(widths))
    return weights, rng.normal(size=(5, 4))


def loss_in_numpy(weights, x):
    for number, (kernel, bias) in enumerate(weights):
        x = x @ kernel + bias
        x = expit(x) if number < len(weights) - 1 else x
    return -log_softmax(x, -1)[np.arange(len(LABEL)), LABEL].mean()


def test_every_gradient_and_the_error_of_the_input_equal_finite_differences_of_a_loss_in_numpy():
    weights, x = problem()
    with jax.enable_x64(True):
        gradients, errors = backpropagation.backward(weights, backpropagation.forward(weights, x), LABEL)
        gradients = jax.tree.map(np.asarray, (gradients, errors[0]))
    leaves = jax.tree.leaves((weights, x))  # views, which are changed below
    for array, gradient in zip(leaves, jax.tree.leaves(gradients), strict=True):
        expected = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            kept, ends = array[index], []
            for h in (1e-5, -1e-5):
                array[index] = kept + h
                ends.append(loss_in_numpy(weights, x))
            array[index] = kept
            expected[index] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-9)


def test_the_gradient_rule_is_the_one_by_hand(monkeypatch):
    """A loss of three times the value has three times the gradient, and not JAX's own."""
    weights, x = problem()
    monkeypatch.setattr(
        backpropagation, "backward", lambda w, layers, label: (jax.tree.map(jnp.ones_like, w), layers)
    )
    gradient = jax.grad(lambda w: 3 * backpropagation.loss_by_hand(w, x, LABEL))(weights)
    for leaf in jax.tree.leaves(gradient):
        np.testing.assert_array_equal(leaf, 3)


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_twins_stay_together_while_they_train(replicas):
    config = backpropagation.Config(steps=50, batch_size=8, hidden=(6, 5), replicas=replicas, log_every=50)
    trainer = Trainer(backpropagation.build(config, pretend("digits")), config, Layout())
    start = trainer.initial()
    kept = jax.tree.map(np.array, start[0].params)
    states = start
    step = 0
    while step < 50:
        states, _, step = trainer.advance(states, step, 50)
    for old, new in zip(jax.tree.leaves(kept), jax.tree.leaves(states[0].params), strict=True):
        axis = replicas > 1  # behind the axis of replicas
        np.testing.assert_array_equal(*np.split(old, 2, axis))
        np.testing.assert_allclose(*np.split(np.asarray(new), 2, axis), rtol=1e-3, atol=1e-5)
        assert np.abs(np.asarray(new) - old).max() > 0.05
