"""Norms of gradients layer by layer, against the chain rule in numpy; each cure changes what its name says."""

import jax
import numpy as np
import pytest
from scipy.special import expit, softmax

from deeplearn.models.deep_mlp import DeepMLP
from experiments.foundations.vanishing_gradients import RIVALS, gradient_norms, norms_at_start

X = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
LABEL = np.array([0, 1, 2, 0, 1, 2, 0])
DEPTH = 3


def network_and_variables(rival, seed=1):
    network = DeepMLP(**RIVALS[rival], hidden=(4,) * DEPTH, outputs=3)
    shapes = jax.eval_shape(network.init, jax.random.key(0), X)
    rng = np.random.default_rng(seed)
    return network, jax.tree.map(lambda leaf: abs(rng.normal(size=leaf.shape)).astype(np.float32) - 0.3, shapes)


@pytest.mark.parametrize("rival", ["sigmoid", "tanh", "skipping_sigmoid"])
def test_norms_equal_the_chain_rule_in_numpy(rival):
    network, variables = network_and_variables(rival)
    params = variables["params"]
    tanh, skips = rival == "tanh", rival == "skipping_sigmoid"
    inputs, activations = [X], []
    for number in range(DEPTH):
        layer = params[f"hidden_{number}"]
        z = inputs[-1] @ layer["kernel"] + layer["bias"]
        activations.append(np.tanh(z) if tanh else expit(z))
        inputs.append(activations[-1] + (inputs[-1] if skips and number else 0))
    error = softmax(inputs[-1] @ params["logits"]["kernel"] + params["logits"]["bias"], -1) - np.eye(3)[LABEL]
    error /= len(X)
    norms = [np.linalg.norm(inputs[-1].T @ error)]
    error = error @ params["logits"]["kernel"].T
    for number in reversed(range(DEPTH)):
        a = activations[number]
        at_sum = error * ((1 - a**2) if tanh else a * (1 - a))
        norms.insert(0, np.linalg.norm(inputs[number].T @ at_sum))
        through = at_sum @ params[f"hidden_{number}"]["kernel"].T
        error = through + error if skips and number else through
    np.testing.assert_allclose(gradient_norms(network, variables, X, LABEL), norms, rtol=1e-4)


def test_the_gradient_vanishes_under_sigmoids_and_not_with_each_cure():
    norms = {}
    for rival, parts in RIVALS.items():
        network = DeepMLP(**parts, hidden=(32,) * 8, outputs=3)
        norms[rival] = np.asarray(norms_at_start(network, jax.random.key(0), X, LABEL))
    ratio = {rival: values[0] / values[-1] for rival, values in norms.items()}
    assert ratio.pop("sigmoid") < 1e-3
    assert min(ratio.values()) > 1e-3
    assert ratio["wide_sigmoid"] < ratio["normed_sigmoid"]
