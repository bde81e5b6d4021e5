"""The layers of a deep perceptron, against numpy."""

import jax
import numpy as np
import pytest

from deeplearn.models.deep_mlp import DeepMLP

X = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)


@pytest.mark.parametrize("skip", [False, True])
def test_sums_and_logits_equal_numpy(skip):
    network = DeepMLP("tanh", (4, 4, 5), 3, skip=skip)
    variables = network.init(jax.random.key(0), X)
    params, x, expected = variables["params"], X.reshape(6, 6), []
    for number, width in enumerate((4, 4, 5)):
        layer = params[f"hidden_{number}"]
        expected.append(x @ layer["kernel"] + layer["bias"])
        # Only the second layer has a skip: the third has another width.
        x = np.tanh(expected[-1]) + (x if skip and number == 1 else 0)
        assert x.shape == (6, width)
    for found, right in zip(network.apply(variables, X, sums=True), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-5)
    logits = x @ params["logits"]["kernel"] + params["logits"]["bias"]
    np.testing.assert_allclose(network.apply(variables, X), logits, rtol=1e-4, atol=1e-5)


def test_plain_weights_of_a_sigmoid_are_a_quarter_as_wide_and_norms_keep_batch_statistics():
    wide, plain = (
        DeepMLP("sigmoid", (400,), 3, plain=plain).init(jax.random.key(0), X)["params"]["hidden_0"]["kernel"]
        for plain in (False, True)
    )
    np.testing.assert_allclose(wide, 4 * plain, rtol=1e-5)
    variables = DeepMLP("relu", (400,), 3, norm=True).init(jax.random.key(0), X)
    assert "batch_stats" in variables and "bias" not in variables["params"]["hidden_0"]
