"""The tied autoencoder against NumPy."""

import chex
import jax
import numpy as np
from absl.testing import parameterized
from scipy.special import expit

from deeplearn.nn.tied import TiedAutoencoder, identity

X = np.random.default_rng(0).uniform(size=(3, 6)).astype(np.float32)


def randomised(hidden):
    module, generator = TiedAutoencoder(6, hidden), np.random.default_rng(1)
    shapes = jax.eval_shape(module.init, jax.random.key(0), X)
    return module, jax.tree.map(lambda leaf: generator.normal(size=leaf.shape).astype(np.float32), shapes)


class AgainstNumPy(chex.TestCase):
    @chex.all_variants
    @parameterized.parameters(((4,),), ((5, 3),))
    def test_codes_and_reconstructions_agree(self, hidden):
        module, variables = randomised(hidden)
        params = variables["params"]
        code = X
        for i in range(len(hidden)):
            code = expit(code @ params[f"kernel_{i}"] + params[f"bias_{i}"])
        back = code @ params[f"kernel_{len(hidden) - 1}"].T + params[f"visible_bias_{len(hidden) - 1}"]
        if len(hidden) == 2:
            back = expit(back) @ params["kernel_0"].T + params["visible_bias_0"]
        found = self.variant(module.apply)(variables, X)
        chex.assert_trees_all_close(found, (code, back), rtol=1e-4, atol=1e-5)


def test_its_activations_can_be_others():
    module, variables = randomised((5, 3))
    params = variables["params"]
    module = TiedAutoencoder(6, (5, 3), activation=jax.nn.relu, code_activation=identity)
    code = np.maximum(X @ params["kernel_0"] + params["bias_0"], 0) @ params["kernel_1"] + params["bias_1"]
    back = np.maximum(code @ params["kernel_1"].T + params["visible_bias_1"], 0)
    found = module.apply(variables, X)
    np.testing.assert_allclose(found[0], code, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        found[1], back @ params["kernel_0"].T + params["visible_bias_0"], rtol=1e-4, atol=1e-5
    )


def test_there_is_one_matrix_a_layer():
    _, variables = randomised((5, 3))
    shapes = {name: leaf.shape for name, leaf in variables["params"].items()}
    assert shapes == {
        "kernel_0": (6, 5),
        "kernel_1": (5, 3),
        "bias_0": (5,),
        "bias_1": (3,),
        "visible_bias_0": (6,),
        "visible_bias_1": (5,),
    }
