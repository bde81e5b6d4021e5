"""The multilayer perceptron against NumPy."""

import chex
import flax.linen as nn
import jax
import numpy as np
from absl.testing import parameterized

from deeplearn.models.mlp import MLP

X = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)


def randomised(module):
    generator = np.random.default_rng(1)
    shapes = jax.eval_shape(module.init, jax.random.key(0), X)
    return jax.tree.map(lambda leaf: generator.normal(size=leaf.shape).astype(np.float32), shapes)


class ForwardPass(chex.TestCase):
    @chex.all_variants
    @parameterized.named_parameters(
        ("two_layers", (5, 7), nn.relu, lambda x: np.maximum(x, 0)), ("one_layer", (6,), nn.tanh, np.tanh)
    )
    def test_it_agrees_with_numpy(self, hidden, activation, function):
        module = MLP(hidden, 2, activation)
        variables = randomised(module)
        layers = variables["params"]
        assert [layers[f"Dense_{i}"]["kernel"].shape[1] for i in range(len(layers))] == [*hidden, 2]
        h = X.reshape(3, 8)  # inputs of more than one axis are flattened
        for i in range(len(hidden)):
            h = function(h @ layers[f"Dense_{i}"]["kernel"] + layers[f"Dense_{i}"]["bias"])
        last = layers[f"Dense_{len(hidden)}"]
        found = self.variant(module.apply)(variables, X)
        np.testing.assert_allclose(found, h @ last["kernel"] + last["bias"], rtol=1e-4, atol=1e-5)


def test_dropout_acts_in_training_only_and_keeps_the_mean():
    """The output is linear in the hidden activations: over many masks its mean is the output without."""
    module = MLP((6,), 2, dropout=0.4)
    variables = randomised(module)
    many = np.tile(X, (4000, 1, 1))
    masked = jax.jit(lambda key: module.apply(variables, many, train=True, rngs={"dropout": key}))(
        jax.random.key(0)
    ).reshape(4000, 3, 2)
    plain = np.asarray(jax.jit(module.apply)(variables, X))
    std = np.std(masked, axis=0)
    assert std.min() > 0.01
    np.testing.assert_array_less(abs(np.mean(masked, axis=0) - plain), 4.5 * std / np.sqrt(4000))
    np.testing.assert_array_equal(plain, jax.jit(MLP((6,), 2).apply)(variables, X))
